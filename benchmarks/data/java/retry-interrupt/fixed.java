package example;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Calls something until it works. */
public final class Retry {
    private final int attempts;
    private final Duration pause;

    public Retry(int attempts, Duration pause) {
        if (attempts < 1) {
            throw new IllegalArgumentException("at least one attempt");
        }
        this.attempts = attempts;
        this.pause = pause;
    }

    /** The first result; the last failure if there is none. An interrupt ends the wait and stays set. */
    public <T> T call(Callable<T> work) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                return work.call();
            } catch (java.io.IOException failure) {
                if (attempt >= attempts) {
                    throw failure;
                }
            }
            try {
                Thread.sleep(pause.toMillis());
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
                throw interrupt;
            }
        }
    }
}
