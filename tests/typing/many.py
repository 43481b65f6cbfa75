from kibitz import OpenAIClient, Piece, PieceAnalysis, Priority, Urgency


async def review_all(client: OpenAIClient, sources: list[str]) -> None:
    def on_piece(index: int, analysis: PieceAnalysis) -> None:
        print(index, len(analysis.findings))

    pieces = [Piece(source, "python") for source in sources]
    await client.process_pieces(pieces, on_piece=on_piece, urgency=Urgency(Priority.WARMING))
