<?php

declare(strict_types=1);

final class Routes
{
    /** @var array<string, callable(string): string> */
    private array $routes = [];

    /** A prefix begins with a slash. */
    public function add(string $prefix, callable $handler): void
    {
        $this->routes[$prefix] = $handler;
        // The longest prefix first, so that the most special one is found.
        uksort($this->routes, static fn (string $a, string $b): int => strlen($b) <=> strlen($a));
    }

    /** The answer of the route with the longest prefix; null if there is none. */
    public function answer(string $path): ?string
    {
        foreach ($this->routes as $prefix => $handler) {
            if (strpos($path, $prefix) === 0) {
                return $handler(substr($path, strlen($prefix)));
            }
        }
        return null;
    }
}
