from kibitz import ConfigError, OpenAIClient, OpenAIError, RateLimitExceeded


async def careful(client: OpenAIClient, source: str) -> None:
    try:
        await client.process_code(source)
    except ConfigError as error:
        print("mend the settings:", error.message)
    except RateLimitExceeded as error:
        print("later:", error.retry_after, "credit used up" if not error.retryable else "")
    except OpenAIError as error:
        print(error, error.request_id, error.retryable, error.usage)
