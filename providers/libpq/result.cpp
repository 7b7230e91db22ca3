// Results over a PGresult, and over rows packed out of several.
#include "providers/libpq/result.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "pg/column_matches.hpp"
#include "src/wire/server_messages.hpp"

namespace pg::libpq {
namespace {

std::size_t as_size(int count) { return static_cast<std::size_t>(count); }

Cell read_cell(const PGresult* result, int row, int column) noexcept {
    const int length = PQgetlength(result, row, column);
    // libpq says zero for NULL too, so only an empty value needs the second question.
    if (length == 0 && PQgetisnull(result, row, column) != 0) return {};
    return {PQgetvalue(result, row, column), length};
}

void read_cells(const PGresult* result, std::size_t row, std::span<const std::uint16_t> columns, Cell* out) noexcept {
    const int number = static_cast<int>(row);
    for (const std::uint16_t column : columns) {
        const int length = PQgetlength(result, number, column);
        out->data = PQgetvalue(result, number, column);
        out->length = length;
        if (length == 0 && PQgetisnull(result, number, column) != 0) *out = {};
        ++out;
    }
}

/// By the rule of the direct engine, whatever a server counts.
std::uint64_t affected_rows(PGresult* result) { return wire::rows_of_tag(PQcmdStatus(result)); }

/// Keeps a PGresult and describes its columns. They lie in the object itself when they are few, so that an ordinary
/// result is one allocation beside libpq's own.
class KeptResult final : public ResultStorage {
public:
    KeptResult(ResultHandle result, const std::shared_ptr<const TypeCatalog>& types)
        : result_(std::move(result)), types_(types) {
        PGresult* kept = result_.get();
        const std::size_t count = as_size(PQnfields(kept));
        Column* columns = room_for(count);
        for (std::size_t i = 0; i < count; ++i) {
            const int column = static_cast<int>(i);
            ::new (columns + i)
                Column{.name = PQfname(kept, column),
                       .type = {Oid{PQftype(kept, column)}, Format(PQfformat(kept, column)), types.get()},
                       .modifier = PQfmod(kept, column),
                       .table = Oid{PQftable(kept, column)},
                       .attribute = static_cast<std::int16_t>(PQftablecol(kept, column))};
        }
        columns_ = {columns, count};
        rows_ = as_size(PQntuples(kept));
        affected_ = affected_rows(kept);
        tag_ = PQcmdStatus(kept);
    }

    /// Makes it the description of results to come.
    void describe(Format format) {
        for (std::size_t i = 0; i < columns_.size(); ++i) columns()[i].type.format = format;
        described_ = std::make_unique<detail::ColumnMatches>();
        matches_ = described_.get();
    }

private:
    [[nodiscard]] Column* room_for(std::size_t count) {
        if (count > few) more_ = std::make_unique<Column[]>(count);
        return columns();
    }
    [[nodiscard]] Column* columns() { return more_ ? more_.get() : reinterpret_cast<Column*>(inline_); }

    void do_read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept override {
        read_cells(result_.get(), row, columns, out);
    }
    Cell do_cell(std::size_t row, std::size_t column) const noexcept override {
        return read_cell(result_.get(), static_cast<int>(row), static_cast<int>(column));
    }

    static constexpr std::size_t few = 8;
    ResultHandle result_;
    std::shared_ptr<const TypeCatalog> types_;  ///< the columns point to it
    std::unique_ptr<detail::ColumnMatches> described_;
    std::unique_ptr<Column[]> more_;
    alignas(Column) std::byte inline_[few * sizeof(Column)];
};

/// Keeps a PGresult whose columns were described before.
class DescribedResult final : public ResultStorage {
public:
    DescribedResult(ResultHandle result, std::shared_ptr<const ResultStorage> description)
        : result_(std::move(result)), description_(std::move(description)) {
        columns_ = description_->columns();
        matches_ = description_->matches();
        rows_ = as_size(PQntuples(result_.get()));
        tag_ = PQcmdStatus(result_.get());
        affected_ = wire::rows_of_tag(tag_);
    }

private:
    void do_read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept override {
        read_cells(result_.get(), row, columns, out);
    }
    Cell do_cell(std::size_t row, std::size_t column) const noexcept override {
        return read_cell(result_.get(), static_cast<int>(row), static_cast<int>(column));
    }

    ResultHandle result_;
    std::shared_ptr<const ResultStorage> description_;
};

/// True when the columns that came are those of the description, in its format. Their types are compared each time: a
/// pooler may have prepared the statement anew, after a change of the schema, where we cannot see it.
bool is_described(const PGresult* result, const ResultStorage* description) {
    if (description == nullptr || PQbinaryTuples(result) == 0) return false;
    const std::span<const Column> columns = description->columns();
    if (as_size(PQnfields(result)) != columns.size()) return false;
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (Oid{PQftype(result, static_cast<int>(i))} != columns[i].type.oid) return false;
    return true;
}

/// Rows of several results: one cell each, pointing into blocks.
class PackedResult final : public ResultStorage {
public:
    PackedResult(std::shared_ptr<const ResultStorage> header, std::vector<std::unique_ptr<char[]>> blocks,
                 std::vector<Cell> cells, std::size_t rows)
        : header_(std::move(header)), blocks_(std::move(blocks)), cells_(std::move(cells)) {
        columns_ = header_->columns();
        rows_ = rows;
        affected_ = rows;
    }

    void end_with(std::string tag, std::uint64_t affected) {
        own_tag_ = std::move(tag);
        tag_ = own_tag_;
        affected_ = affected;
    }

private:
    void do_read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept override {
        const Cell* cells = cells_.data() + row * columns_.size();
        for (const std::uint16_t column : columns) *out++ = cells[column];
    }
    Cell do_cell(std::size_t row, std::size_t column) const noexcept override {
        return cells_[row * columns_.size() + column];
    }

    std::shared_ptr<const ResultStorage> header_;
    std::vector<std::unique_ptr<char[]>> blocks_;
    std::vector<Cell> cells_;
    std::string own_tag_;
};

constexpr std::size_t block_size = 16 * 1024;

}  // namespace

Result make_result(ResultHandle result, const std::shared_ptr<const TypeCatalog>& types) {
    return Result(std::make_shared<const KeptResult>(std::move(result), types));
}

Result make_result(ResultHandle result, const std::shared_ptr<const TypeCatalog>& types,
                   const std::shared_ptr<const ResultStorage>& description) {
    if (!is_described(result.get(), description.get())) return make_result(std::move(result), types);
    return Result(std::make_shared<const DescribedResult>(std::move(result), description));
}

std::shared_ptr<const ResultStorage> make_description(ResultHandle result,
                                                      const std::shared_ptr<const TypeCatalog>& types, Format format) {
    auto described = std::make_shared<KeptResult>(std::move(result), types);
    described->describe(format);
    return described;
}

std::shared_ptr<const ResultStorage> describe_result(const PGresult* result,
                                                     const std::shared_ptr<const TypeCatalog>& types) {
    ResultHandle columns(PQcopyResult(result, PG_COPYRES_ATTRS));
    return columns ? make_description(std::move(columns), types, Format::binary) : nullptr;
}

void RowPacker::add(ResultHandle result) {
    const int rows = PQntuples(result.get());
    const int width = PQnfields(result.get());
    for (int row = 0; row < rows; ++row) {
        bytes_ += sizeof(std::int16_t) + as_size(width) * sizeof(std::int32_t);  // as a row is sent: counts and values
        for (int column = 0; column < width; ++column) {
            Cell cell = read_cell(result.get(), row, column);
            if (!cell.is_null()) {
                // Values are followed by a zero byte, as libpq's are.
                char* copy = claim(cell.size() + 1);
                std::memcpy(copy, cell.data, cell.size());
                copy[cell.size()] = '\0';
                cell.data = copy;
                bytes_ += cell.size();
            }
            cells_.push_back(cell);
        }
    }
    rows_ += as_size(rows);
    if (!header_) header_ = std::make_shared<const KeptResult>(std::move(result), types_);
}

char* RowPacker::claim(std::size_t count) {
    if (room_ < count) {
        const std::size_t size = std::max(count, block_size);
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
        end_ = blocks_.back().get();
        room_ = size;
    }
    room_ -= count;
    return std::exchange(end_, end_ + count);
}

Result RowPacker::take(ResultHandle last) {
    if (!header_ && last) {
        // No row came: the last result alone has the columns.
        return make_result(std::move(last), types_);
    }
    auto packed = std::make_shared<PackedResult>(header_, std::move(blocks_), std::move(cells_), rows_);
    if (last) packed->end_with(PQcmdStatus(last.get()), affected_rows(last.get()));
    blocks_.clear();
    cells_.clear();
    end_ = nullptr;
    room_ = 0;
    rows_ = 0;
    bytes_ = 0;
    return Result(std::move(packed));
}

}  // namespace pg::libpq
