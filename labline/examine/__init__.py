"""What `labline doctor` looks at: a module a subject, each with `findings(lab)`."""
