// Fingerprints: the pieces of a statement, as its scanner takes them, copied or replaced one by one.
#include "src/value/fingerprint.hpp"

#include <algorithm>
#include <utility>

#include "pg/sql.hpp"

namespace pg {
namespace {

class Fingerprint : private detail::SqlScanner {
public:
    explicit Fingerprint(std::string_view sql) : SqlScanner(sql) {}

    std::string make() {
        while (at_ < text_.size()) take_piece();
        return std::move(made_);
    }

private:
    using Problem = SqlScan::Problem;

    void take_piece() {
        const std::size_t start = at_;
        const char first = peek(), second = peek(1);
        const bool has_end = step_on();
        const std::string_view piece = text_.substr(start, at_ - start);
        if (space(first) || first == '\0' || piece.starts_with("--") || piece.starts_with("/*")) {
            has_blank_ = true;
        } else if (digit(first) || (first == '.' && digit(second))) {
            finish_number(piece);
            put_literal();
        } else if (first == '$' && digit(second)) {
            while (digit(peek())) ++at_;  // of one that is too large
            put(text_.substr(start, at_ - start));
        } else if (first == '\'' || ((first == 'e' || first == 'E') && second == '\'') ||
                   (first == '$' && piece.size() > 1 && (!has_end || piece.back() == '$'))) {
            put_literal();
        } else if (!takes_prefix(piece)) {
            put(piece);
        }
    }
    /// Over one piece, also where the scanner is at its end: behind a statement, or in one that is broken. False when
    /// the text ends within it.
    bool step_on() {
        ended_ = false;
        found_.problem = Problem::none;
        step();
        const bool has_end = found_.problem != Problem::unterminated_string &&
                             found_.problem != Problem::unterminated_name &&
                             found_.problem != Problem::unterminated_comment;
        at_ = has_end ? std::min(at_, text_.size()) : text_.size();
        return has_end;
    }
    /// The scanner ends a number before a point that no digit follows, and before the sign of its exponent.
    void finish_number(std::string_view begun) {
        if (begun == ".") number();
        if (peek() == '.' && peek(1) != '.') ++at_;
        if (is_exponent(peek()) && (digit(peek(1)) || (is_sign(peek(1)) && digit(peek(2))))) number();
        const bool is_decimal = begun.size() < 2 || (begun[1] != 'x' && begun[1] != 'X');
        if (is_decimal && is_exponent(text_[at_ - 1]) && is_sign(peek()) && digit(peek(1))) ++at_, number();
    }
    static bool is_exponent(char c) { return c == 'e' || c == 'E'; }
    static bool is_sign(char c) { return c == '+' || c == '-'; }
    /// Of a string that follows: b'…', x'…', n'…' or u&'…'.
    bool takes_prefix(std::string_view word) {
        if (word.size() != 1) return false;
        if (peek() == '\'') return std::string_view("bBxXnN").find(word.front()) != word.npos;
        const bool is_unicode = (word == "u" || word == "U") && peek() == '&' && peek(1) == '\'';
        if (is_unicode) ++at_;
        return is_unicode;
    }

    void put(std::string_view piece) {
        const bool closes = piece == ")";
        const bool closes_list = closes && made_.size() == list_ && made_.ends_with("(?");
        if (!closes && piece != ",") put_blank();
        has_blank_ = false;
        made_ += piece;
        if (closes_list) end_row();
    }
    void put_blank() {
        if (std::exchange(has_blank_, false) && !made_.empty() && made_.back() != '(') made_ += ' ';
    }
    /// One that follows another, or the comma behind it, is part of the same list.
    void put_literal() {
        const std::string_view between = behind(list_);
        if (list_ != 0 && (between.empty() || between == ",")) {
            has_blank_ = false;
            return made_.resize(list_);
        }
        put_blank();
        made_ += '?';
        list_ = made_.size();
    }
    /// A list in parentheses that follows another one and a comma is another row of the same.
    void end_row() {
        const std::size_t start = made_.size() - std::string_view("(?)").size();
        const std::string_view between = behind(rows_).substr(0, start - rows_);
        if (rows_ != 0 && (between == "," || between == ", ")) {
            made_.resize(rows_);
            list_ = rows_ - 1;
        }
        rows_ = made_.size();
    }
    std::string_view behind(std::size_t place) const { return std::string_view(made_).substr(place); }

    std::string made_;
    bool has_blank_ = false;  // behind that
    // Where these end in it, the last of them; zero: there are none. @{
    std::size_t list_ = 0;  // of literals
    std::size_t rows_ = 0;  // of lists in parentheses  @}
};

}  // namespace

std::string fingerprint(std::string_view sql) { return Fingerprint(sql).make(); }

}  // namespace pg
