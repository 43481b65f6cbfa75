#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace text {

/// The words of a text, which are separated by blanks. Quotes keep blanks together: say "two words".
inline std::vector<std::string> words(std::string_view text)
{
    std::vector<std::string> found;
    std::string word;
    bool quoted = false;
    bool begun = false;

    for (const char c : text) {
        if (c == '"') {
            quoted = !quoted;
            begun = true;
        } else if (c == ' ' && !quoted) {
            if (begun) {
                found.push_back(std::move(word));
                word = std::string();
                begun = false;
            }
        } else {
            word += c;
            begun = true;
        }
    }
    if (begun) {
        found.push_back(std::move(word));
    }
    return found;
}

}  // namespace text
