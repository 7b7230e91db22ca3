// The grammar of `keyword = 'value'` pairs, as libpq reads it.
#include "src/base/config_assignment.hpp"
#include "src/base/config_keywords.hpp"

namespace pg::config {
namespace {

constexpr std::string_view blanks = " \t\n\v\f\r";

/// Reads from front to back. Blanks may stand around keyword, sign and value; a backslash takes the next character as
/// it is, inside and outside of quotes; after a closing quote the next pair may follow at once.
class PairReader {
public:
    explicit PairReader(std::string_view text) : text_(text) {}

    Expected<std::vector<Assignment>> read() {
        std::vector<Assignment> pairs;
        bool may_show = true;
        for (skip_blanks(); !at_end(); skip_blanks()) {
            Assignment pair;
            pair.may_show_keyword = may_show;
            pair.keyword_at = at_;
            pair.keyword = read_keyword();
            skip_blanks();
            if (at_end() || text_[at_] != '=') return missing_sign(pair);
            ++at_;
            skip_blanks();
            pair.value_at = at_;
            std::string value;
            const bool closed = !at_end() && text_[at_] == '\'' ? read_quoted(value) : read_bare(value);
            if (!closed) {
                return conninfo_error(text_, pair.value_at, "unterminated quoted value",
                                      "close it with a single quote");
            }
            pair.value = Secret(value);
            // What follows a password, under whatever name, may be the rest of it, written without quotes.
            const Keyword* known = find_keyword(pair.keyword);
            may_show = may_show && known != nullptr && !known->secret;
            pairs.push_back(std::move(pair));
        }
        return pairs;
    }

private:
    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] bool at_blank() const { return blanks.find(text_[at_]) != blanks.npos; }
    void skip_blanks() {
        while (!at_end() && at_blank()) ++at_;
    }

    std::string read_keyword() {
        const std::size_t start = at_;
        while (!at_end() && text_[at_] != '=' && !at_blank()) ++at_;
        return std::string(text_.substr(start, at_ - start));
    }

    /// A backslash at the very end stands for nothing.
    void read_escaped(std::string& value) {
        ++at_;
        if (!at_end()) value += text_[at_++];
    }

    bool read_bare(std::string& value) {
        while (!at_end() && !at_blank()) {
            if (text_[at_] == '\\')
                read_escaped(value);
            else
                value += text_[at_++];
        }
        return true;
    }

    bool read_quoted(std::string& value) {
        ++at_;
        while (!at_end()) {
            if (text_[at_] == '\\') {
                read_escaped(value);
            } else if (text_[at_] == '\'') {
                ++at_;
                return true;
            } else {
                value += text_[at_++];
            }
        }
        return false;
    }

    [[nodiscard]] Error missing_sign(const Assignment& pair) const {
        const std::string word = shown(pair.keyword, pair.may_show_keyword);
        if (pair.keyword.find("://") != std::string::npos) {
            return conninfo_error(text_, pair.keyword_at, "missing `=` after the word",
                                  "a URI starts with `postgresql://` or `postgres://`");
        }
        return conninfo_error(text_, pair.keyword_at,
                              "missing `=` after" + (word.empty() ? std::string(" the word") : word),
                              "quote a value that holds blanks: keyword='two words'");
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Expected<std::vector<Assignment>> split_pairs(std::string_view conninfo) { return PairReader(conninfo).read(); }

}  // namespace pg::config
