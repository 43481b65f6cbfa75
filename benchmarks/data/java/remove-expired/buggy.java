package example;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Offers that are good until some time. */
public final class Offers {
    public record Offer(String name, Instant until) {}

    private final List<Offer> offers = new ArrayList<>();

    public synchronized void add(Offer offer) {
        offers.add(offer);
    }

    /** Drops what is over. */
    public synchronized void expire(Instant now) {
        for (Offer offer : offers) {
            if (!offer.until().isAfter(now)) {
                offers.remove(offer);
            }
        }
    }

    /** The names of all offers that are left. */
    public synchronized List<String> names() {
        return offers.stream().map(Offer::name).toList();
    }
}
