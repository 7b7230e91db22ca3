// The first words of a statement, behind blanks and comments.
#include "src/base/transaction_control.hpp"

#include <algorithm>

#include "pg/error_rules.hpp"
#include "src/base/words.hpp"

namespace pg {
namespace {

/// The words at the beginning of a statement, one by one.
class FirstWords {
public:
    explicit FirstWords(std::string_view sql) : rest_(sql) {}

    /// The first letter of the next word, in lower case; zero when there is none.
    char initial() {
        skip_blanks();
        return rest_.empty() ? '\0' : words::lower(rest_.front());
    }
    /// Takes the next word when it is this one, in upper or lower case.
    bool take(std::string_view word) {
        skip_blanks();
        if (!words::is(rest_.substr(0, word.size()), word)) return false;
        if (rest_.size() > word.size() && words::is_part(rest_[word.size()])) return false;
        rest_.remove_prefix(word.size());
        return true;
    }

    /// The next word, whichever it is; it stays.
    std::string_view next() {
        skip_blanks();
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), words::is_part);
        return rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    }

private:
    /// A statement before the first semicolon may be empty.
    static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == ';'; }

    void skip_blanks() {
        for (;;) {
            while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
            if (rest_.starts_with("--"))
                rest_.remove_prefix(std::min(rest_.find_first_of("\r\n"), rest_.size()));
            else if (rest_.starts_with("/*"))
                skip_comment();
            else
                return;
        }
    }
    /// Comments nest.
    void skip_comment() {
        std::size_t depth = 0;
        do {
            const std::size_t at = rest_.find_first_of("/*");
            if (at >= rest_.size() - 1) return rest_.remove_prefix(rest_.size());
            const std::string_view two = rest_.substr(at, 2);
            if (two == "/*") ++depth;
            if (two == "*/") --depth;
            rest_.remove_prefix(at + (two == "/*" || two == "*/" ? 2 : 1));
        } while (depth > 0);
    }

    std::string_view rest_;
};

}  // namespace

TransactionControl transaction_control(std::string_view sql) {
    using enum TransactionControl;
    FirstWords words(sql);
    switch (words.initial()) {
        case 'b': return words.take("begin") ? begins : none;
        case 's': return words.take("start") && words.take("transaction") ? begins : none;
        case 'c': return words.take("commit") ? commits : none;
        case 'e': return words.take("end") ? commits : none;
        case 'p': return words.take("prepare") && words.take("transaction") ? commits : none;
        case 'a': return words.take("abort") ? rolls_back : none;
        case 'r': break;
        default: return none;
    }
    if (!words.take("rollback")) return none;
    static_cast<void>(words.take("work") || words.take("transaction"));
    return words.take("to") ? none : rolls_back;
}

bool begins_another(std::string_view sql) {
    FirstWords words(sql);
    if (!words.take("commit") && !words.take("end") && !words.take("rollback") && !words.take("abort")) return false;
    static_cast<void>(words.take("work") || words.take("transaction"));
    return words.take("and") && words.take("chain");
}

bool in_block_behind(std::string_view sql, bool failed, bool in_block) {
    const TransactionControl control = transaction_control(sql);
    if (control == TransactionControl::none || (failed && control != TransactionControl::commits)) return in_block;
    return !failed && (control == TransactionControl::begins || begins_another(sql));
}

bool ends_failure(std::string_view sql) {
    const TransactionControl control = transaction_control(sql);
    return control == TransactionControl::commits || control == TransactionControl::rolls_back ||
           FirstWords(sql).take("rollback");
}

bool is_about_rows(std::string_view sql) {
    FirstWords words(sql);
    switch (words.initial()) {
        case 's': return words.take("select");
        case 'i': return words.take("insert");
        case 'u': return words.take("update");
        case 'd': return words.take("delete");
        case 'm': return words.take("merge");
        case 'v': return words.take("values");
        case 't': return words.take("table");
        case 'w': return words.take("with");
        default: return false;
    }
}

bool only_reads(std::string_view sql) {
    FirstWords words(sql);
    if (!words.take("select") && !words.take("values") && !words.take("table")) return false;
    return !words::mentions(sql,
                            {"for", "lock"});  // FOR UPDATE and its like, or a lock that is asked for by a function
}

bool may_commit_inside(std::string_view sql) {
    FirstWords words(sql);
    if (!words.take("do")) return words.take("call");
    // What a block of code commits by: in its own words, a procedure's, or in a text that it makes.
    return words::mentions(sql, {"commit", "call", "execute"});
}

bool commits_in_parts(std::string_view sql) {
    FirstWords words(sql);
    if (words.take("vacuum") || words.take("cluster") || words.take("reindex")) return true;
    return (words.take("create") || words.take("drop") || words.take("alter")) &&
           words::mentions(sql, {"concurrently"});
}

bool commits_by_itself(std::string_view sql) {
    FirstWords words(sql);
    const bool makes = words.take("create") || words.take("drop") || words.take("alter");
    const bool is_of_all_databases = makes && (words.take("database") || words.take("tablespace") ||
                                               words.take("subscription") || words.take("system"));
    return is_of_all_databases || commits_in_parts(sql);
}

std::string_view first_word(std::string_view sql) { return FirstWords(sql).next(); }

bool begins_as_query(std::string_view sql) {
    FirstWords words(sql);
    switch (words.initial()) {
        case 's': return words.take("select") || words.take("show");
        case 'v': return words.take("values");
        case 't': return words.take("table");
        case 'w': return words.take("with");
        case 'e': return words.take("explain");
        case 'f': return words.take("fetch");
        default: return false;
    }
}

RequestPhase sent_phase(std::string_view sql) {
    return transaction_control(sql) == TransactionControl::commits ? RequestPhase::committing : RequestPhase::sent;
}

}  // namespace pg
