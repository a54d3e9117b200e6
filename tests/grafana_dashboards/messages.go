// Renders notification templates as Grafana's Alertmanager does: Go's text/template with the functions that it documents.
package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"text/template"
	"time"
)

type KV map[string]string

type Alert struct {
	Status               string
	Labels, Annotations  KV
	StartsAt, EndsAt     time.Time
	PanelURL, SilenceURL string
}

type Alerts []Alert

func (as Alerts) of(status string) []Alert {
	found := []Alert{}
	for _, a := range as {
		if a.Status == status {
			found = append(found, a)
		}
	}
	return found
}
func (as Alerts) Firing() []Alert   { return as.of("firing") }
func (as Alerts) Resolved() []Alert { return as.of("resolved") }

type Data struct {
	Alerts      Alerts
	GroupLabels KV
}

func main() {
	var input struct {
		Group    string
		Text     string
		Messages []Data
	}
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		panic(err)
	}
	functions := template.FuncMap{
		"match": regexp.MatchString,
		"tz": func(name string, t time.Time) (time.Time, error) {
			where, err := time.LoadLocation(name)
			return t.In(where), err
		},
	}
	all := template.Must(template.New("").Option("missingkey=zero").Funcs(functions).Parse(input.Text))
	made := [][]string{}
	for _, data := range input.Messages {
		texts := []string{}
		for _, name := range []string{input.Group + ".subject", input.Group + ".message"} {
			var out strings.Builder
			if err := all.ExecuteTemplate(&out, name, data); err != nil {
				panic(err)
			}
			texts = append(texts, out.String())
		}
		made = append(made, texts)
	}
	json.NewEncoder(os.Stdout).Encode(made)
}
