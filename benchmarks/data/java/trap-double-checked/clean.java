package example;

import java.util.Objects;
import java.util.function.Supplier;

/** A value that is made when it is first wanted, once, by whichever thread comes first. */
public final class Lazy<T> {
    private final Supplier<? extends T> supplier;
    private final Object lock = new Object();
    private volatile T value;

    public Lazy(Supplier<? extends T> supplier) {
        this.supplier = Objects.requireNonNull(supplier);
    }

    /** The value. The supplier must not give null, and is asked again if it throws. */
    public T get() {
        T known = value;
        if (known != null) {
            return known;
        }
        synchronized (lock) {
            if (value == null) {
                value = Objects.requireNonNull(supplier.get());
            }
            return value;
        }
    }
}
