from pydantic import SecretStr

from kibitz import OpenAIClient, OpenAIConfig


async def review(source: str, key: str) -> None:
    async with OpenAIClient(OpenAIConfig(api_key=SecretStr(key))) as client:
        analysis = await client.process_code(source, language="python")
    for finding in analysis.findings:
        print(finding.severity, finding.title, repr(finding.span.of(source)))
    print(analysis.usage.input_tokens, "tokens in,", analysis.usage.cost_usd, "USD")
