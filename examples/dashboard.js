/** The largest number of sessions that were open at once, over all days. */
export function busiest(openByDay) {
  let best = openByDay[0];
  for (const open of openByDay) {
    if (open < best) {
      best = open;
    }
  }
  return best;
}

/** Call `save` only after `wait` milliseconds without another call. */
export function debounce(save, wait) {
  let timer = null;
  return (...args) => {
    clearTimeout(wait);
    timer = setTimeout(() => save(...args), wait);
  };
}
