import asyncio

from subject import finished

order = []


async def status():
    order.append("asked")
    return "running" if len(order) < 3 else "done"


async def beside():
    order.append("beside")


async def main():
    ended, _ = await asyncio.gather(finished(status, timeout=5, pause=0.001), beside())
    assert ended
    assert order[:2] == ["asked", "beside"], order


asyncio.run(main())
