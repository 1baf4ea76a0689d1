"""A client with autobahn: says what it sees as lines of JSON, until an event tells it to leave."""

import json
import sys

from autobahn.asyncio.component import Component, run
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import PublishOptions

url, *topics = sys.argv[1:]
component = Component(
    transports=[{"type": "websocket", "url": url, "max_retries": -1, "initial_retry_delay": 0.1}],
    realm="any.realm",
)


def say(*words):
    print(json.dumps(words, ensure_ascii=False), flush=True)


@component.on_join
async def joined(session, details):
    for topic in topics:

        def event(*args, topic=topic, **kwargs):
            say("event", topic, args, kwargs)
            if args == ("leave",):
                session.leave()

        try:
            await session.subscribe(event, topic)
            say("subscribed", topic)
        except ApplicationError as error:
            say("refused", topic, error.error, error.args)
    options = PublishOptions(acknowledge=True, exclude_me=False)
    for topic in topics:
        try:
            await session.publish(topic, 1, a="猫", options=options)
            say("published", topic)
        except ApplicationError as error:
            say("unpublished", topic, error.error)


run([component], log_level="critical")
