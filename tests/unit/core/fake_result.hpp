// Results and errors made by hand, as if a server had sent them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pg/error.hpp"
#include "pg/result.hpp"

namespace fake {

using Text = std::optional<std::string>;
using Lines = std::vector<std::string>;

struct Column {
    std::string name;
    std::uint32_t oid = 25;
};

/// A result made by hand, in text unless said otherwise.
class Table final : public pg::ResultStorage {
public:
    Table(std::vector<Column> columns, std::vector<std::vector<Text>> rows, std::string tag,
          pg::Format format = pg::Format::text, const pg::TypeCatalog* types = nullptr)
        : names_(std::move(columns)), cells_(std::move(rows)), text_(std::move(tag)) {
        for (const Column& column : names_)
            described_.push_back({.name = column.name, .type = {pg::Oid{column.oid}, format, types}});
        columns_ = described_;
        rows_ = cells_.size();
        affected_ = rows_;
        tag_ = text_;
    }
    void set_affected(std::uint64_t rows) { affected_ = rows; }

private:
    void do_read(std::size_t row, std::span<const std::uint16_t> columns, pg::Cell* out) const noexcept override {
        for (const std::uint16_t column : columns) *out++ = do_cell(row, column);
    }
    pg::Cell do_cell(std::size_t row, std::size_t column) const noexcept override {
        const Text& text = cells_[row][column];
        return text ? pg::Cell{text->data(), static_cast<std::int32_t>(text->size())} : pg::Cell{};
    }

    std::vector<Column> names_;
    std::vector<std::vector<Text>> cells_;
    std::string text_;
    std::vector<pg::Column> described_;
};

inline pg::Result rows(std::vector<Column> columns, std::vector<std::vector<Text>> cells = {},
                       const pg::TypeCatalog* types = nullptr) {
    const std::string tag = "SELECT " + std::to_string(cells.size());
    return pg::Result(std::make_shared<Table>(std::move(columns), std::move(cells), tag, pg::Format::text, types));
}
inline pg::Result affected(std::string tag, std::uint64_t count = 0) {
    auto table = std::make_shared<Table>(std::vector<Column>{}, std::vector<std::vector<Text>>{}, std::move(tag));
    table->set_affected(count);
    return pg::Result(std::move(table));
}

/// What a server reports of a statement that had no effect.
inline pg::Error server_error(const char* sqlstate, pg::ErrorKind kind = pg::ErrorKind::server,
                              pg::RetryScope scope = pg::RetryScope::none) {
    return pg::Error({.kind = kind,
                      .outcome = pg::Outcome::not_applied,
                      .retry_scope = scope,
                      .sqlstate = sqlstate,
                      .message = std::string("refused as ") + sqlstate});
}
inline pg::Error about(std::string_view sql, const pg::Error& error) {
    pg::ErrorFields fields = error.fields();
    fields.sql = sql;
    return pg::Error(std::move(fields));
}

inline pg::Error connection_lost(pg::Outcome outcome) {
    return pg::Error({.kind = pg::ErrorKind::connection_lost,
                      .outcome = outcome,
                      .connection_usable = false,
                      .message = "the connection was lost"});
}

}  // namespace fake
