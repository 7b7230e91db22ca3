// Sql: the text of one statement, its parameters counted: at compile time for a literal, before sending for any other.
#pragma once

#include <cstddef>
#include <string_view>

#include "pg/options.hpp"

namespace pg {

/// What a scan of a statement's text finds. `end` is where the first statement ends.
struct SqlScan {
    /// What is wrong with the text.
    enum class Problem : std::uint8_t {
        none,
        empty,
        several_statements,
        unterminated_string,
        unterminated_name,
        unterminated_comment,
        parameter_zero,
        parameter_too_large,
        zero_byte
    };

    std::size_t parameters = 0;       ///< the highest $n
    Problem problem = Problem::none;  ///< the first one found
    std::size_t offset = 0;           ///< of the problem, in bytes
    bool leaves_traces = false;       ///< in its session: `set_config`, a lock of it, a temporary table, EXECUTE
};

namespace detail {

/// Walks a statement as the server's lexer does with standard_conforming_strings on.
class SqlScanner {
public:
    constexpr explicit SqlScanner(std::string_view text) : text_(text) {}

    constexpr SqlScan scan() {
        if (const std::size_t zero = text_.find('\0'); zero != text_.npos) fail(SqlScan::Problem::zero_byte, zero);
        while (at_ < text_.size() && found_.problem == SqlScan::Problem::none) step();
        if (found_.problem == SqlScan::Problem::none && !any_) fail(SqlScan::Problem::empty, 0);
        return found_;
    }

protected:
    using Problem = SqlScan::Problem;

    static constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
    static constexpr bool space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
    static constexpr bool word_start(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    }
    static constexpr bool word(char c) { return word_start(c) || digit(c) || c == '$'; }
    constexpr char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    constexpr void fail(Problem problem, std::size_t offset) {
        found_.problem = problem;
        found_.offset = offset;
    }

    constexpr void step() {
        const char c = peek();
        if (space(c)) return void(++at_);
        if (c == '-' && peek(1) == '-') return line_comment();
        if (c == '/' && peek(1) == '*') return block_comment();
        if (c == ';') return ended_ = ended_ || (any_ && open_ == 0), void(++at_);
        if (ended_) return fail(Problem::several_statements, at_);
        any_ = true;
        if (c == '\'') return quoted('\'', false, Problem::unterminated_string);
        if (c == '"') return quoted_name();
        if (c == '$') return dollar();
        if (c == '(' || (c == ')' && open_ > 0)) open_ += c == '(' ? 1 : -1;
        if (word_start(c)) return name();
        if (digit(c)) return number();
        before_ = {}, ++at_;
    }
    constexpr void line_comment() {
        while (at_ < text_.size() && peek() != '\n' && peek() != '\r') ++at_;
    }
    constexpr void block_comment() {
        const std::size_t start = at_;
        std::size_t depth = 0;
        do {
            if (at_ >= text_.size()) return fail(Problem::unterminated_comment, start);
            const bool opens = peek() == '/' && peek(1) == '*';
            const bool closes = peek() == '*' && peek(1) == '/';
            depth += opens ? 1 : 0;
            depth -= closes ? 1 : 0;
            at_ += opens || closes ? 2 : 1;
        } while (depth > 0);
    }
    constexpr void quoted(char quote, bool escapes, Problem unterminated) {
        const std::size_t start = at_++;
        for (;; ++at_) {
            if (at_ >= text_.size()) return fail(unterminated, start);
            if (escapes && peek() == '\\') {
                ++at_;
            } else if (peek() == quote) {
                ++at_;
                if (peek() != quote && !(escapes && continues())) return;
            }
        }
    }
    constexpr void quoted_name() {
        const std::size_t start = at_ + 1;
        quoted('"', false, Problem::unterminated_name);
        at_ > start + 10 ? look_at(text_.substr(start, at_ - 1 - start)) : void(before_ = {});  // a function's, or none
    }
    /// A string goes on in the next line that begins with a quote, with the escapes it began with.
    constexpr bool continues() {
        const std::size_t end = at_;
        while (space(peek()) || (peek() == '-' && peek(1) == '-')) space(peek()) ? void(++at_) : line_comment();
        if (peek() == '\'' && text_.substr(end, at_ - end).find_first_of("\n\r") != text_.npos) return true;
        at_ = end;
        return false;
    }
    constexpr void name() {
        if ((peek() == 'e' || peek() == 'E') && peek(1) == '\'')
            return void(++at_), quoted('\'', true, Problem::unterminated_string);
        const std::size_t start = at_;
        while (word(peek())) ++at_;
        look_at(text_.substr(start, at_ - start));
    }
    static constexpr bool same(std::string_view text, std::string_view lower) {
        if (text.size() != lower.size()) return false;
        for (std::size_t i = 0; i < text.size(); ++i)
            if ((text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]) != lower[i]) return false;
        return true;
    }
    constexpr void look_at(std::string_view text) {
        if (first_.empty()) found_.leaves_traces = same(first_ = text, "execute");  // it runs whatever was prepared
        if (same(text, "atomic") && same(before_, "begin") && same(first_, "create")) is_atomic_ = true;
        if (is_atomic_ && !same(before_, "as") && text_[at_ - text.size() - 1] != '.')  // else it is a column
            open_ += same(before_, "begin") || same(text, "case") ? 1 : same(text, "end") && open_ > 0 ? -1 : 0;
        if (text.size() >= 10) {  // all the others are shorter: what the compiler runs is kept short
            for (const std::string_view function : {"set_config", "pg_advisory_lock", "pg_advisory_lock_shared",
                                                    "pg_try_advisory_lock", "pg_try_advisory_lock_shared"})
                if (same(text, function)) found_.leaves_traces = true;
        } else if (text.size() == 4 || text.size() == 9) {
            if (same(text, "temp") || same(text, "temporary"))
                for (const std::string_view place : {"create", "replace", "local", "global", "into"})
                    if (same(before_, place)) found_.leaves_traces = true;
        }
        before_ = text;
    }
    /// A number ends before its `$`: `1$1` is a number and a parameter, as old servers read it.
    constexpr void number() {
        while (digit(peek()) || word_start(peek()) || (peek() == '.' && digit(peek(1)))) ++at_;
    }
    constexpr void dollar() {
        const std::size_t start = at_++;
        if (digit(peek())) return parameter(start);
        while (peek() != '$' && word(peek())) ++at_;
        if (peek() != '$') return;  // a lone dollar: the server will say what it thinks
        ++at_;
        const std::string_view tag = text_.substr(start, at_ - start);
        const std::size_t end = text_.find(tag, at_);
        if (end == std::string_view::npos) return fail(Problem::unterminated_string, start);
        at_ = end + tag.size();
    }
    constexpr void parameter(std::size_t start) {
        std::size_t number = 0;
        while (digit(peek())) {
            number = number * 10 + static_cast<std::size_t>(peek() - '0');
            ++at_;
            if (number > 65535) return fail(Problem::parameter_too_large, start);
        }
        if (number == 0) return fail(Problem::parameter_zero, start);
        if (number > found_.parameters) found_.parameters = number;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool any_ = false, ended_ = false;
    int open_ = 0;            // parentheses and bodies, inside of which there are statements without an end of it
    bool is_atomic_ = false;  // in a body that is BEGIN ATOMIC … END
    std::string_view first_, before_;  // words: of all, and directly before
    SqlScan found_;
};

/// A hash of a statement's text; never zero.
[[nodiscard]] constexpr std::uint64_t hash_sql(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, which costs the compiler least
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15 | 1;  // texts that differ in their last letter differ everywhere
}

// Never defined: naming one of them in a constant expression is the compile error that the user reads.
void this_sql_has_another_number_of_parameters_than_arguments();
void this_sql_is_empty();
void this_sql_holds_several_statements_use_run_script();
void this_sql_has_an_unterminated_string_name_or_comment();
void this_sql_has_a_zero_byte();
void this_sql_has_a_parameter_out_of_range_they_are_1_to_65535();

}  // namespace detail

/// Counts the parameters of one statement, skipping strings, quoted names, comments and dollar quotes.
[[nodiscard]] constexpr SqlScan scan_sql(std::string_view text) { return detail::SqlScanner(text).scan(); }

/// A text known only at run time. It is checked before anything is sent.
struct RuntimeSql {
    std::string_view text;  ///< outlives the call
};
[[nodiscard]] constexpr RuntimeSql runtime(std::string_view text) { return {text}; }  ///< views it

/// The text of one statement that takes `Arguments` arguments. Value; views the text, which must outlive it.
template <std::size_t Arguments>
class Sql {
public:
    /// A literal: a wrong number of arguments, or more than one statement, does not compile.
    template <std::size_t Size>
    consteval Sql(const char (&text)[Size], CallSite site = CallSite::here())
        : text_(text, Size - 1), hash_(detail::hash_sql(text_)), site_(site), checked_(true) {
        const SqlScan found = scan_sql(text_);
        using enum SqlScan::Problem;
        leaves_traces_ = found.leaves_traces;
        switch (found.problem) {
            case none: break;
            case empty: detail::this_sql_is_empty(); break;
            case zero_byte: detail::this_sql_has_a_zero_byte(); break;
            case several_statements: detail::this_sql_holds_several_statements_use_run_script(); break;
            case parameter_zero:
            case parameter_too_large: detail::this_sql_has_a_parameter_out_of_range_they_are_1_to_65535(); break;
            default: detail::this_sql_has_an_unterminated_string_name_or_comment(); break;
        }
        if (found.parameters != Arguments) detail::this_sql_has_another_number_of_parameters_than_arguments();
    }
    /// A text known at run time, with options or without: checked before anything is sent. @{
    constexpr Sql(RuntimeSql sql, CallSite site = CallSite::here()) : text_(sql.text), site_(site) {}
    constexpr Sql(const Query& query, CallSite site = CallSite::here())
        : text_(query.sql), site_(site), options_(query.options()), has_options_(true) {}  /// @}

    [[nodiscard]] constexpr std::string_view text() const { return text_; }  ///< outlives this
    [[nodiscard]] constexpr bool checked() const { return checked_; }        ///< by the compiler, which saw a literal
    [[nodiscard]] constexpr bool leaves_traces() const { return leaves_traces_; }  ///< as far as the compiler saw
    [[nodiscard]] constexpr std::uint64_t hash() const { return hash_; }  ///< of a literal; zero for any other text
    /// The options of a `pg::Query`; null for any other text.
    [[nodiscard]] constexpr const QueryOptions* options() const { return has_options_ ? &options_ : nullptr; }
    [[nodiscard]] constexpr const CallSite& site() const { return site_; }  ///< where the text was given

private:
    std::string_view text_;
    std::uint64_t hash_ = 0;
    CallSite site_;
    QueryOptions options_{};
    bool has_options_ = false;
    bool checked_ = false;
    bool leaves_traces_ = false;
};

}  // namespace pg
