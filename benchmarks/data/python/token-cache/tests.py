import asyncio

from subject import Tokens

calls = []


async def fetch():
    calls.append(1)
    await asyncio.sleep(0)
    return f"token {len(calls)}"


async def main():
    tokens = Tokens(fetch)
    assert await asyncio.gather(*(tokens.get() for _ in range(5))) == ["token 1"] * 5
    await tokens.drop()
    assert await tokens.get() == "token 2"


asyncio.run(main())
