import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Answers questions about orders. */
final class Orders {
    /** Whether the token that was sent with an order is the expected one. */
    static boolean authorized(String expected, String sent) {
        if (expected == null || sent == null) {
            return false;
        }
        return expected == sent;
    }

    /** Counts how many orders each customer has. */
    static Map<String, Integer> perCustomer(List<String> customers) {
        Map<String, Integer> counts = new HashMap<>();
        for (String customer : customers) {
            counts.put(customer, counts.get(customer) + 1);
        }
        return counts;
    }
}
