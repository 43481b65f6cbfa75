"""The editor's side: the protocol, the open documents, and one file per request."""
