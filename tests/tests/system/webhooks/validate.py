"""Checks a webhook with the PyPI package `pusher`: KEY SECRET WEBHOOK, as the site of the test has printed it."""

import json
import sys

import pusher

key, secret, webhook = sys.argv[1:]
webhook = json.loads(webhook)
client = pusher.Pusher(app_id="1", key=key, secret=secret)
checked = client.validate_webhook(webhook["key"], webhook["signature"], webhook["body"])
print(json.dumps(checked))
