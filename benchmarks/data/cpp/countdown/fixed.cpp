#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace history {

/// Commands that somebody typed, the oldest one first.
class History {
public:
    void add(const std::string &command)
    {
        if (commands_.empty() || commands_.back() != command) {
            commands_.push_back(command);
        }
    }

    /// The newest command that begins with a text, if there is one.
    [[nodiscard]] std::optional<std::string> find(const std::string &beginning) const
    {
        for (std::size_t i = commands_.size(); i > 0; --i) {
            if (commands_[i - 1].rfind(beginning, 0) == 0) {
                return commands_[i - 1];
            }
        }
        return std::nullopt;
    }

private:
    std::vector<std::string> commands_;
};

}  // namespace history
