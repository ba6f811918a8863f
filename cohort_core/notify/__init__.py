"""Messages that leave the school: daily digests, and events by webhook.

`digest` and `events` say what is sent, a module for each kind of destination how it looks there, `network`,
`posting` and `mail` how it gets there, `retries` what happens when it does not.
"""
