#include <chrono>
#include <string>
#include <unordered_map>
#include <utility>

namespace cache {

using Clock = std::chrono::steady_clock;

struct Entry {
    std::string value;
    Clock::time_point until;
};

class Cache {
public:
    void put(std::string key, std::string value, Clock::time_point until)
    {
        entries_[std::move(key)] = Entry{std::move(value), until};
    }

    /// Drops all that is over.
    void expire(Clock::time_point now)
    {
        for (auto it = entries_.begin(); it != entries_.end();) {
            if (it->second.until <= now) {
                it = entries_.erase(it);
            } else {
                ++it;
            }
        }
    }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    std::unordered_map<std::string, Entry> entries_;
};

}  // namespace cache
