"""The lab as it is now, from the database: for `labline status`, and for `labline run` while it runs."""
