<?php

declare(strict_types=1);

final class Orders
{
    private const COLUMNS = ['id', 'created_at', 'total'];

    public function __construct(private PDO $database)
    {
    }

    /**
     * A customer's orders.
     *
     * @param string $column by which they are sorted, as the request says
     * @return list<array<string, mixed>>
     */
    public function of(int $customer, string $column): array
    {
        $by = $column === '' ? self::COLUMNS[0] : $column;
        $statement = $this->database->prepare(
            "SELECT id, created_at, total FROM orders WHERE customer = :customer ORDER BY $by"
        );
        $statement->execute(['customer' => $customer]);
        return $statement->fetchAll(PDO::FETCH_ASSOC);
    }
}
