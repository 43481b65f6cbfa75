package example;

import java.util.ArrayList;
import java.util.List;

/** Orders and the payments that belong to them. */
public final class Payments {
    public record Order(String id, long cents) {}

    public record Payment(String orderId, long cents) {}

    private final List<Payment> payments = new ArrayList<>();

    public void add(Payment payment) {
        payments.add(payment);
    }

    /** What was paid for an order, in cents. */
    public long paid(Order order) {
        long sum = 0;
        for (Payment payment : payments) {
            if (payment.orderId().equals(order.id())) {
                sum += payment.cents();
            }
        }
        return sum;
    }

    /** Whether nothing is owed any more. */
    public boolean isPaid(Order order) {
        return paid(order) >= order.cents();
    }
}
