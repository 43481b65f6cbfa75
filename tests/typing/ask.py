from kibitz import Context, OpenAIClient, Span


async def explain_and_improve(client: OpenAIClient, source: str, span: Span) -> None:
    place = Context(source, "python", span, instruction="make it faster")
    explained = await client.analyze_context(place)
    print(explained.summary, explained.breaks_when)
    for suggestion in await client.generate_suggestions(place):
        print(suggestion.title, suggestion.edits)
