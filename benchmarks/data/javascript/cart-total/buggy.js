/**
 * @typedef {{ name: string, cents: number, count: number }} Item
 */

/** The sum of a cart, in cents. */
export function totalCents(items) {
  return items.reduce((sum, item) => sum + item.cents * item.count, 0);
}

/** Whether vouchers, given in euros with up to two decimals, pay exactly for the cart. */
export function isPaidBy(items, voucherEuros) {
  const paid = voucherEuros.reduce((sum, euros) => sum + euros, 0);
  return paid * 100 === totalCents(items);
}

/** The amount as people read it. */
export function formatted(cents) {
  const sign = cents < 0 ? "-" : "";
  const whole = Math.abs(cents);
  return `${sign}${Math.floor(whole / 100)}.${String(whole % 100).padStart(2, "0")}`;
}
