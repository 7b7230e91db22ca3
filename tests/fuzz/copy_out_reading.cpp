// A binary COPY read by the library, and by a plain reading of its own.
#include "tests/fuzz/copy_out_reading.hpp"

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "pg/copy.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace pg {
namespace {

using TextAndArea = std::pair<std::optional<std::string>, std::optional<std::int32_t>>;

std::deque<std::string> pieces_of(std::string_view input) {
    std::deque<std::string> pieces;
    while (!input.empty()) {
        const auto length = static_cast<unsigned char>(input.front());
        input.remove_prefix(1);
        const std::string_view piece = input.substr(0, length == 255 ? input.size() : length);
        pieces.emplace_back(piece);
        input.remove_prefix(piece.size());
    }
    return pieces;
}

/// What https://www.postgresql.org/docs/current/sql-copy.html says of the binary form, where each row and the header
/// lies in one piece.
class PlainReading {
public:
    explicit PlainReading(const std::deque<std::string>& pieces) {
        for (const std::string& piece : pieces) {
            rest_ = piece;
            while (goes_well_ && !rest_.empty()) goes_well_ = take();
            if (!goes_well_) return;
        }
        goes_well_ = has_ended_;
    }
    [[nodiscard]] bool goes_well() const { return goes_well_; }
    [[nodiscard]] const std::vector<TextAndArea>& rows() const { return rows_; }

private:
    bool take() {
        if (has_ended_) return false;
        if (!has_begun_) return has_begun_ = take_header();
        const std::optional<std::int64_t> count = number(2);
        if (count == 0xffff) return has_ended_ = true;
        if (count != 2) return false;
        std::optional<std::string> text, area;
        if (!take_value(text) || !take_value(area) || (area && area->size() != 4)) return false;
        TextAndArea row{std::move(text), std::nullopt};
        if (area) {
            std::uint32_t value = 0;
            for (const char byte : *area) value = value << 8 | static_cast<unsigned char>(byte);
            row.second = static_cast<std::int32_t>(value);
        }
        rows_.push_back(std::move(row));
        return true;
    }
    bool take_header() {
        const std::string signature("PGCOPY\n\377\r\n\0", 11);
        if (rest_.substr(0, signature.size()) != signature) return false;
        rest_.remove_prefix(signature.size());
        const auto flags = number(4), extension = number(4);
        if (!flags || *flags >= 0x10000 || !extension || *extension > static_cast<std::int64_t>(rest_.size()))
            return false;
        rest_.remove_prefix(static_cast<std::size_t>(*extension));
        return true;
    }
    bool take_value(std::optional<std::string>& value) {
        const std::optional<std::int64_t> length = number(4);
        if (length == 0xffffffff) return true;
        if (!length || *length > static_cast<std::int64_t>(rest_.size())) return false;
        value.emplace(rest_.substr(0, static_cast<std::size_t>(*length)));
        rest_.remove_prefix(value->size());
        return true;
    }
    std::optional<std::int64_t> number(std::size_t bytes) {
        if (rest_.size() < bytes) return std::nullopt;
        std::int64_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(rest_[i]);
        rest_.remove_prefix(bytes);
        return value;
    }

    std::string_view rest_;
    std::vector<TextAndArea> rows_;
    bool has_begun_ = false, has_ended_ = false, goes_well_ = true;
};

}  // namespace

std::string copy_out_reading_goes_wrong(std::string_view input) {
    static fake::Database db{1};
    constexpr std::uint32_t text = 25, int4 = 23;
    db.server->descriptions.push_back(std::vector<fake::Column>{{"code", text}, {"area", int4}});
    db.server->copy_columns = 2;
    db.server->pieces = pieces_of(input);
    const PlainReading expected(db.server->pieces);

    std::vector<TextAndArea> rows;
    std::optional<Error> error;
    {
        auto copy = CopyOut<std::optional<std::string>, std::optional<std::int32_t>>::try_open(db.client, "countries");
        if (!copy) return "the COPY does not begin";
        for (;;) {
            auto row = copy->try_next();
            if (!row) error.emplace(std::move(row).error());
            if (!row || *row == nullptr) break;
            rows.emplace_back(std::get<0>(**row), std::get<1>(**row));
        }
        // A value that does not fit spoils its row alone.
        if (error && error->kind() != ErrorKind::decode && copy->try_next()) return "there is more behind an error";
    }
    db.server->pieces.clear();
    db.server->asked.clear();
    static_cast<void>(db.server->take_log());
    if (error.has_value() == expected.goes_well())
        return error ? "it is an error: " + std::string(error->what()) : "it is no error";
    if (rows != expected.rows()) return "there are other rows";
    if (!db.client.with({.timeout = std::chrono::nanoseconds(1)}).try_exec("select 1"))
        return "the session is not free";
    return {};
}

}  // namespace pg
