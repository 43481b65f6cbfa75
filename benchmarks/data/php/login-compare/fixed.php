<?php

declare(strict_types=1);

final class ResetTokens
{
    /** @param array<string, string> $hashes the SHA-256 of each user's token, in hex */
    public function __construct(private array $hashes)
    {
    }

    /** Whether this is the user's token. It is good for one use. */
    public function redeem(string $user, string $token): bool
    {
        $expected = $this->hashes[$user] ?? null;
        if ($expected === null) {
            return false;
        }
        if (hash_equals($expected, hash('sha256', $token))) {
            unset($this->hashes[$user]);
            return true;
        }
        return false;
    }

    public function isOpen(string $user): bool
    {
        return isset($this->hashes[$user]);
    }
}
