// Node-RED beside the containers of a lab: passwords from files, no editor.
const fs = require("fs");

// The flows name it as ${MQTT_PASSWORD}; in Node-RED's own files it does not stand.
process.env.MQTT_PASSWORD = fs.readFileSync(process.env.MQTT_PASSWORD_FILE, "utf8");

module.exports = {
    flowFile: "flows.json",
    credentialSecret: false, // flows_cred.json holds the names of variables alone
    uiPort: process.env.UI_PORT || 1880,
    uiHost: process.env.UI_HOST || "0.0.0.0",
    // Whoever reaches the editor may run programs. To have it: "/editor" here, and adminAuth, as Node-RED's
    // documentation says.
    httpAdminRoot: false,
    apiMaxLength: "64kb",
    telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: "info", metrics: false, audit: false } },
};
