"""Real-looking source in every language that kibitz cuts by its grammar, and the units it should find."""

from __future__ import annotations

PYTHON = '''\
"""Orders and what they cost."""

from __future__ import annotations

import json
from decimal import Decimal as D, ROUND_HALF_UP

TAX = D("0.19")
MAX_ITEMS = 50


def load(path: str) -> list[dict]:
    """Read orders from a file."""
    with open(path) as stream:
        return json.load(stream)[:MAX_ITEMS]


class Order:
    """One order."""

    currency: str = "EUR"
    limit: int = 3

    # How it starts out.
    def __init__(self, items: list[D]) -> None:
        self.items = items

    @property
    def total(self) -> D:
        """Net total."""
        return sum(self.items, D(0))

    def gross(self) -> D:
        def rounded(value: D) -> D:
            return value.quantize(D("0.01"), ROUND_HALF_UP)

        return rounded(self.total * (1 + TAX))


if __name__ == "__main__":
    for order in load("orders.json"):
        print(Order(order["items"]).gross())
'''

JAVASCRIPT = """\
import fs from "fs";
import { join, resolve as abs } from "path";
const yaml = require("yaml");

const ROOT = "/srv";
let opened = 0;

/** Read a file below ROOT. */
export function read(name) {
  opened += 1;
  return fs.readFileSync(join(ROOT, name), "utf8");
}

export const parse = async (name) => {
  const text = await read(name);
  return yaml.parse(text);
};

export default class Store extends Map {
  #size = 0;
  onChange = (key) => {
    this.#size += 1;
  };

  constructor(dir) {
    super();
    this.dir = abs(dir);
  }

  get size() {
    return this.#size;
  }
}

module.exports.close = function () {
  opened -= 1;
};

setInterval(() => {
  console.log(opened);
}, 1000);
"""

TYPESCRIPT = """\
import type { Request } from "express";
import { Injectable } from "@nest/common";

export interface User {
  id: number;
}
type Id = User["id"];
const LIMIT = 10;

function find(id: Id): User | undefined;
function find(id: string): User | undefined {
  return users.find((user) => user.id === Number(id));
}

@Injectable()
export abstract class Service<T> {
  private cache: Map<Id, T> = new Map();

  /** Look it up. */
  @Memoize(5)
  get(id: Id): T | undefined {
    return this.cache.get(id);
  }

  abstract load(id: Id): Promise<T>;

  protected drop = (id: Id): void => {
    this.cache.delete(id);
  };
}

namespace Util {
  export function first<T>(items: T[]): T {
    return items[0];
  }
}
"""

TSX = """\
import React, { useState } from "react";

type Props = { start: number };

export const Counter: React.FC<Props> = ({ start }) => {
  const [count, setCount] = useState(start);
  return <button onClick={() => setCount(count + 1)}>{count}</button>;
};

export const Row = React.memo(function Row({ start }: Props) {
  return <li>{start * 2}</li>;
});
"""

GO = """\
package store

import (
	"errors"
	yaml "gopkg.in/yaml.v3"
)

const limit = 10

var ErrFull = errors.New("full")

type Store struct {
	items map[string]int
}

// Add puts one in.
func (s *Store) Add(name string, n int) error {
	if len(s.items) >= limit {
		return ErrFull
	}
	s.items[name] += n
	return nil
}

func Parse(raw []byte) (*Store, error) {
	s := &Store{}
	err := yaml.Unmarshal(raw, s)
	return s, err
}
"""

RUST = """\
use std::collections::HashMap;
mod util;

const LIMIT: usize = 10;

#[derive(Debug, Clone)]
pub struct Store {
    items: HashMap<String, u32>,
}

impl Store {
    pub const NAME: &'static str = "store";

    /// Makes one.
    #[must_use]
    pub fn new() -> Self {
        Self { items: HashMap::new() }
    }

    pub fn add(&mut self, name: &str, n: u32) -> bool {
        if self.items.len() >= LIMIT {
            return false;
        }
        *self.items.entry(name.to_owned()).or_insert(0) += n;
        true
    }
}

trait Named {
    fn name(&self) -> String;
    fn loud(&self) -> String {
        self.name().to_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert!(Store::new().add("a", 1));
    }
}
"""

JAVA = """\
package com.example.shop;

import java.util.List;
import static java.util.Objects.requireNonNull;

/** An order. */
@Entity
public class Order extends Base implements Priced {
    private static final int LIMIT = 10;
    private final List<Item> items;

    static {
        Registry.add(Order.class);
    }

    public Order(List<Item> items) {
        this.items = requireNonNull(items);
    }

    /** The total. */
    @Override
    public int total() throws PriceException {
        return items.stream().limit(LIMIT).mapToInt(Item::price).sum();
    }

    static class Item {
        int price() { return 5; }
    }
}

interface Priced {
    int total() throws PriceException;
}
"""

C = """\
#ifndef RING_H
#define RING_H
#include <stdlib.h>

#define SIZE 16

typedef struct {
    int head;
    int data[SIZE];
} ring;

static int made = 0;
int ring_pop(ring *r);

/* Make one. */
ring *ring_new(void)
{
    made += 1;
    return calloc(1, sizeof(ring));
}

#ifdef DEBUG
void ring_dump(const ring *r) {
    for (int i = 0; i <= SIZE; i++) print(r->data[i]);
}
#else
void ring_dump(const ring *r) { (void)r; }
#endif
#endif
"""

CPP = """\
#include <vector>
using std::vector;

namespace geo {

constexpr int kMax = 8;

template <typename T>
class Box : public Shape {
 public:
  explicit Box(T w) : w_(w) {}
  ~Box() override = default;
  T area() const;
  bool fits(T other) const { return other < w_; }

 private:
  T w_ = 0;
};

template <typename T>
T Box<T>::area() const {
  return w_ * w_;
}

}  // namespace geo

int main() {
  return geo::Box<int>(2).fits(1) ? 0 : 1;
}
"""

CSHARP = """\
using System;
using Json = System.Text.Json;

namespace Shop
{
    /// <summary>An order.</summary>
    [Serializable]
    public class Order : Base
    {
        private readonly int _limit = 10;
        public string Name { get; set; }
        public int Size => _limit * 2;

        public Order(string name) : base(name)
        {
            Name = name;
        }

        /// <summary>Adds.</summary>
        [Obsolete]
        public async Task<int> Add(int n)
        {
            await Save(n);
            return n + 1;
        }

        public abstract void Save(int n);
    }

    public enum State { Open, Closed }
}
"""

RUBY = """\
require "json"

module Shop
  class Order < Base
    include Comparable
    LIMIT = 10
    attr_reader :items

    # Make one.
    def initialize(items)
      @items = items
    end

    def total
      items.first(LIMIT).sum
    end

    def self.load(path)
      new(JSON.parse(File.read(path)))
    end

    private def check!
      raise "empty" if items.size == 0
    end
  end
end

puts Shop::Order.load("orders.json").total
"""

PHP = """\
<?php
declare(strict_types=1);

namespace App\\Shop;

use App\\Db\\Connection as Db;

const LIMIT = 10;

/** An order. */
#[Entity]
final class Order extends Base
{
    use Timestamps;

    private int $count = 0;

    public function __construct(private Db $db)
    {
        $this->count = 1;
    }

    #[Route("/total")]
    public function total(int $tax): int
    {
        return $this->db->sum() * (100 + $tax) / 100;
    }
}

function helper(Order $order): int
{
    return $order->total(19);
}

echo helper(new Order(connect()));
"""

SHELL = """\
#!/usr/bin/env bash
set -euo pipefail
source ./lib.sh

ROOT=/srv
readonly KEEP=3

# Remove old ones.
cleanup() {
  ls -t "$ROOT" | tail -n "+$KEEP" | while read -r name; do
    rm -rf "$ROOT/$name"
  done
}

function usage {
  echo "usage: $0 dir" >&2
}

if [ $# -lt 1 ]; then
  usage
  exit 2
fi
cleanup
"""

SNIPPETS: dict[str, tuple[str, list[str]]] = {
    "python": (
        PYTHON,
        [
            "code  8-9",
            "function load 12-15",
            "code Order 18-22",
            "method Order.__init__ 24-26",
            "method Order.total 28-31",
            "method Order.gross 33-37",
            "code  40-42",
        ],
    ),
    "javascript": (
        JAVASCRIPT,
        [
            "code  5-6",
            "function read 8-12",
            "function parse 14-17",
            "code Store 19-20",
            "method Store.onChange 21-23",
            "method Store.constructor 25-28",
            "method Store.size 30-32",
            "function close 35-37",
            "code  39-41",
        ],
    ),
    "javascriptreact": (JAVASCRIPT, []),
    "typescript": (
        TYPESCRIPT,
        [
            "code  8-8",
            "function find 11-13",
            "code Service 15-17",
            "method Service.get 19-23",
            "method Service.drop 27-29",
            "method Util.first 33-35",
        ],
    ),
    "typescriptreact": (TSX, ["function Counter 5-8", "function Row 10-12"]),
    "go": (GO, ["code  8-14", "function Add 16-23", "function Parse 25-29"]),
    "rust": (
        RUST,
        [
            "code  4-9",
            "code Store 11-12",
            "method Store.new 14-18",
            "method Store.add 20-26",
            "method Named.loud 31-33",
            "method tests.adds 40-43",
        ],
    ),
    "java": (
        JAVA,
        [
            "code Order 6-14",
            "method Order.Order 16-18",
            "method Order.total 20-24",
            "method Order.Item.price 27-27",
        ],
    ),
    "c": (
        C,
        ["code  5-12", "function ring_new 15-20", "function ring_dump 23-25", "function ring_dump 27-27"],
    ),
    "cpp": (
        CPP,
        [
            "code geo 4-6",
            "method geo.Box.Box 11-11",
            "method geo.Box.fits 14-14",
            "code Box 17-17",
            "method geo.area 20-23",
            "function main 27-29",
        ],
    ),
    "csharp": (
        CSHARP,
        [
            "code Order 6-11",
            "method Shop.Order.Size 12-12",
            "method Shop.Order.Order 14-17",
            "method Shop.Order.Add 19-25",
            "code Shop 30-30",
        ],
    ),
    "ruby": (
        RUBY,
        [
            "code Order 4-7",
            "method Shop.Order.initialize 9-12",
            "method Shop.Order.total 14-16",
            "method Shop.Order.load 18-20",
            "method Shop.Order.check 22-24",
            "code  28-28",
        ],
    ),
    "php": (
        PHP,
        [
            "code  8-8",
            "code Order 10-16",
            "method Order.__construct 18-21",
            "method Order.total 23-27",
            "function helper 30-33",
            "code  35-35",
        ],
    ),
    "shellscript": (
        SHELL,
        ["code  1-6", "function cleanup 8-13", "function usage 15-17", "code  19-23"],
    ),
}
"""Language -> source, and its units as ``kind name first-last`` with lines from 1."""
SNIPPETS["javascriptreact"] = SNIPPETS["javascript"]
