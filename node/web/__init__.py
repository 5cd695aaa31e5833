"""What a node answers over HTTP: to other nodes (`federation`) and to its member's own staff (`api`)."""
