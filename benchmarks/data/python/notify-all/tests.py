import asyncio

from subject import Hub

got = []


async def good(event):
    got.append(event)


async def bad(event):
    raise ConnectionError


async def main():
    hub = Hub()
    hub.subscribe(good)
    hub.subscribe(bad)
    assert await hub.publish({"n": 1}) == 1
    assert got == [{"n": 1}]


asyncio.run(main())
