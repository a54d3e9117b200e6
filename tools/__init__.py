"""What keeps the project itself: its set-up, and the pages that are made from declarations."""
