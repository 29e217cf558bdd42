"""The kernel: actors, mailboxes, supervision, time and the journal. It knows messages and knows no trading."""
