"""What happened, written where it cannot hurt: never to stdout, never with a secret."""
