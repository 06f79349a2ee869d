"""The HTTP service: predictions for programs on any machine and in any language.

`start` begins; `server` runs one worker and `workers` several; `protocol` bounds what clients can
do to connections, `app` and `endpoints` answer requests, which `questions` parses and `batching`
puts together.
"""
