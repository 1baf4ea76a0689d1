"""What a site does with the library. Prints the answers as JSON."""

import json
import sys

import pusher

publish, key, secret, socket_id = sys.argv[1:]
host, port = publish.split(":")


def site(secret):
    return pusher.Pusher(app_id="1", key=key, secret=secret, host=host, port=int(port), ssl=False)


def status(call):
    try:
        call()
    except pusher.errors.PusherBadAuth:
        return 401
    except pusher.errors.PusherBadRequest:
        return 400


server = site(secret)
print(json.dumps({
    "trigger": server.trigger(["news", "nobody"], "added", {"id": 1}, socket_id),
    "batch": server.trigger_batch([
        {"channel": "news", "name": "second", "data": {"id": 2}},
        {"channel": "presence-chat", "name": "third", "data": "text"},
    ]),
    "user": server.send_to_user("bob", "greeting", {"id": 4}),
    "channels": server.channels_info("presence-", ["user_count"]),
    "channel": server.channel_info("presence-chat", ["user_count"]),
    "users": server.users_info("presence-chat"),
    "terminate": server.terminate_user_connections("ann"),
    "unsigned": status(lambda: site("another secret").trigger("news", "added", {})),
    "tooMany": status(lambda: server.trigger_batch([{"channel": "news", "name": "e", "data": ""}] * 11)),
}))
