package example;

/** Searches in a sorted array. */
public final class Search {
    private Search() {}

    /** The first place at which {@code key} could be put and keep the order. */
    public static int lowerBound(long[] sorted, long key) {
        int low = 0;
        int high = sorted.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (sorted[middle] < key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    public static boolean contains(long[] sorted, long key) {
        int at = lowerBound(sorted, key);
        return at < sorted.length && sorted[at] == key;
    }
}
