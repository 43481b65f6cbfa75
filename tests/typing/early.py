from kibitz import Finding, OpenAIClient, OpenAIConfig, Piece


async def watch(config: OpenAIConfig, source: str) -> None:
    async with OpenAIClient(config) as client:

        def on_finding(_piece: int, finding: Finding) -> None:
            print("so far:", finding.title)

        await client.process_pieces([Piece(source, "python")], on_finding=on_finding)


async def make_sure(config: OpenAIConfig, source: str) -> None:
    async with OpenAIClient(config.model_copy(update={"verify": "on"})) as client:
        analysis = await client.process_code(source, language="python")
        print(len(analysis.findings), "stand,", analysis.verification.refuted, "refuted")
