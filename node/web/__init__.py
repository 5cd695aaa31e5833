"""What a node answers over HTTP: to other nodes (`federation`), to its member's own staff (`console`, `api`)
and to the public (`public`)."""
