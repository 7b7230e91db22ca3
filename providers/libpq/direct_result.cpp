// Reading rows in place, and keeping the bytes that they are in.
#include "providers/libpq/direct_result.hpp"

#include <algorithm>
#include <cstring>

#include "pg/column_matches.hpp"
#include "src/wire/server_messages.hpp"

namespace pg::libpq::direct {
namespace {

/// Rows that have no more bytes than this together are copied: a chunk is too much to hold on to for them.
constexpr std::size_t most_copied = 4096;

/// Columns, and the bytes of their names.
class Columns final : public ResultStorage {
public:
    Columns(std::size_t count, std::size_t name_bytes, std::shared_ptr<const TypeCatalog> types)
        : types_(std::move(types)),
          named_(count),
          names_(std::make_unique_for_overwrite<char[]>(name_bytes)),
          end_(names_.get()) {
        columns_ = named_;
    }
    /// Makes it the description of results to come.
    void describe() { matches_ = &described_.emplace(); }
    /// Copies the name.
    void set(std::size_t index, Column column) {
        if (!column.name.empty()) std::memcpy(end_, column.name.data(), column.name.size());
        column.name = {end_, column.name.size()};
        end_ += column.name.size();
        named_[index] = column;
    }

private:
    void do_read(std::size_t, std::span<const std::uint16_t>, Cell*) const noexcept override {}
    Cell do_cell(std::size_t, std::size_t) const noexcept override { return {}; }

    std::shared_ptr<const TypeCatalog> types_;  ///< the columns point to it
    std::vector<Column> named_;
    std::unique_ptr<char[]> names_;
    char* end_;
    std::optional<detail::ColumnMatches> described_;
};

/// The body of a DataRow where it was received: its length stands before it, and counts itself.
std::string_view body_at(const char* row) noexcept {
    return {row, wire::load<std::uint32_t>(row - sizeof(std::uint32_t)) - sizeof(std::uint32_t)};
}

/// The same with its length.
std::string_view message_at(const char* row) noexcept {
    return {row - sizeof(std::uint32_t), wire::load<std::uint32_t>(row - sizeof(std::uint32_t))};
}

/// Where the values of a row begin: behind their number.
const char* values_of(const char* row) noexcept { return row + sizeof(std::uint16_t); }

Cell cell_of(wire::RowValue value) noexcept { return {value.data, value.length}; }

/// Rows that are nobody's, for as long as they are looked at. What is wrong with one shows when it is read, and then
/// what does not fit is NULL.
class ArrivingRows final : public ResultStorage {
public:
    ArrivingRows(const ResultStorage& description, std::span<const char* const> rows) {
        columns_ = description.columns();
        matches_ = description.matches();
        received_ = rows.data();
        rows_ = rows.size();
        affected_ = rows.size();
    }
    /// False when one of them is malformed: the sink may read none of them, or not all.
    [[nodiscard]] bool give_to(RowSink& sink) const {
        const std::size_t read = sink.take(*this);
        return well_formed_ && std::all_of(received_ + read, received_ + rows_, [&](const char* row) {
                   return wire::is_well_formed_row(body_at(row), columns_.size());
               });
    }

private:
    void do_read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept override {
        wire::RowValues values(body_at(received_[row]), columns_.size());
        if (detail::are_in_order(columns)) {
            for (Cell* const end = out + columns.size(); out != end; ++out) *out = cell_of(values.take());
        } else {
            for (const std::uint16_t column : columns) {
                values.go_to(column);
                *out++ = cell_of(values.take());
            }
        }
        values.go_to(columns_.size());
        if (!values.are_whole()) [[unlikely]]
            well_formed_ = false;
    }
    Cell do_cell(std::size_t row, std::size_t column) const noexcept override {
        Cell cell;
        const auto number = static_cast<std::uint16_t>(column);
        do_read(row, std::span(&number, 1), &cell);
        return cell;
    }

    mutable bool well_formed_ = true;
};

/// Takes the value at `at`, which is moved behind it. Its row was found well formed when it came.
Cell take_cell(const char*& at) noexcept {
    const auto length = wire::load<std::int32_t>(at);
    at += sizeof length;
    if (length < 0) return {};
    return {std::exchange(at, at + length), length};
}

/// Rows that were found well formed, wherever they lie.
class Rows : public ResultStorage {
protected:
    /// What is pointed to is set later.
    Rows(const ResultStorage& description, std::size_t rows, std::string_view tag) {
        columns_ = description.columns();
        matches_ = description.matches();
        rows_ = rows;
        affected_ = tag.empty() ? rows : wire::rows_of_tag(tag);
    }

private:
    void do_read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept override {
        const char* at = values_of(received_[row]);
        if (detail::are_in_order(columns)) {
            for (Cell* const end = out + columns.size(); out != end; ++out) *out = take_cell(at);
            return;
        }
        std::size_t next = 0;
        for (const std::uint16_t column : columns) {
            if (column < next) {
                at = values_of(received_[row]);
                next = 0;
            }
            for (; next < column; ++next) static_cast<void>(take_cell(at));
            *out++ = take_cell(at);
            ++next;
        }
    }
    Cell do_cell(std::size_t row, std::size_t column) const noexcept override {
        const char* at = values_of(received_[row]);
        for (std::size_t i = 0; i < column; ++i) static_cast<void>(take_cell(at));
        return take_cell(at);
    }
};

/// Rows in the chunks that they were received into.
class ReceivedRows final : public Rows {
public:
    ReceivedRows(std::shared_ptr<const ResultStorage> description, std::vector<const char*> rows,
                 std::vector<wire::ChunkRef> chunks, std::string_view tag)
        : Rows(*description, rows.size(), tag),
          description_(std::move(description)),
          pointers_(std::move(rows)),
          chunks_(std::move(chunks)),
          own_tag_(tag) {
        received_ = pointers_.data();
        tag_ = own_tag_;
    }

private:
    std::shared_ptr<const ResultStorage> description_;
    std::vector<const char*> pointers_;
    std::vector<wire::ChunkRef> chunks_;
    std::string own_tag_;
};

/// Rows that were copied to `room`: first the pointers, then the rows with their lengths, then the tag. Owns nothing,
/// so that it may go without a destructor.
class CopiedRows : public Rows {
public:
    CopiedRows(const ResultStorage& description, const std::vector<const char*>& rows, std::string_view tag, void* room)
        : Rows(description, rows.size(), tag) {
        auto** const pointers = static_cast<const char**>(room);
        received_ = pointers;
        auto* to = reinterpret_cast<char*>(pointers + rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::string_view message = message_at(rows[i]);
            pointers[i] = to + sizeof(std::uint32_t);
            to = wire::store_bytes(to, message);
        }
        tag_ = {to, tag.size()};
        static_cast<void>(wire::store_bytes(to, tag));
    }
    [[nodiscard]] static std::size_t room(std::size_t rows, std::size_t bytes, std::string_view tag) noexcept {
        return rows * (sizeof(const char*) + sizeof(std::uint32_t)) + bytes + tag.size();
    }
};

/// The same behind the object itself, in its own allocation.
class OwnCopiedRows final : public CopiedRows {
public:
    OwnCopiedRows(std::shared_ptr<const ResultStorage> description, const std::vector<const char*>& rows,
                  std::string_view tag)
        : CopiedRows(*description, rows, tag, this + 1), description_(std::move(description)) {}

private:
    std::shared_ptr<const ResultStorage> description_;
};

/// Allocates an object with room behind it.
template <class T>
struct WithRoom {
    using value_type = T;
    std::size_t room = 0;

    explicit WithRoom(std::size_t bytes) noexcept : room(bytes) {}
    template <class U>
    explicit(false) WithRoom(const WithRoom<U>& other) noexcept : room(other.room) {}
    [[nodiscard]] T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T) + room)); }
    void deallocate(T* object, std::size_t) noexcept { ::operator delete(object); }
    friend bool operator==(const WithRoom&, const WithRoom&) noexcept { return true; }
};

}  // namespace

std::shared_ptr<const ResultStorage> make_columns(std::string_view body,
                                                  const std::shared_ptr<const TypeCatalog>& types,
                                                  std::optional<Format> format) {
    wire::RowDescription description(body);
    constexpr std::size_t least_per_column = 19;
    if (description.count() * least_per_column > body.size()) return nullptr;
    auto columns = std::make_shared<Columns>(description.count(), body.size(), types);
    for (std::size_t i = 0; i < description.count(); ++i) {
        const wire::FieldDescription field = description.next();
        columns->set(i, {.name = field.name,
                         .type = {Oid{field.type}, format.value_or(static_cast<Format>(field.format)), types.get()},
                         .modifier = field.modifier,
                         .table = Oid{field.table},
                         .attribute = field.attribute});
    }
    if (!description.done()) return nullptr;
    if (format) columns->describe();
    return columns;
}

const std::shared_ptr<const ResultStorage>& no_columns() {
    // Never destroyed: results may outlive the end of `main`.
    static const auto& none = *new std::shared_ptr<const ResultStorage>([] {
        auto columns = std::make_shared<Columns>(0, 0, nullptr);
        columns->describe();
        return columns;
    }());
    return none;
}

bool RowCollector::add(std::string_view body, const wire::ChunkRef& chunk) {
    if (!wire::is_well_formed_row(body, columns_->columns().size())) return false;
    if (chunks_.empty() || chunks_.back() != chunk) chunks_.push_back(chunk);
    pass(body);
    return true;
}

bool RowCollector::give(RowSink& sink) {
    const bool well_formed = ArrivingRows(*columns_, rows_).give_to(sink);
    rows_.clear();
    return well_formed;
}

bool RowCollector::give(RowSink& sink, std::string_view body) const {
    const char* const row = body.data();
    if (sink.take_received(row, *columns_)) [[likely]]
        return true;
    return ArrivingRows(*columns_, std::span(&row, 1)).give_to(sink);
}

Result RowCollector::take(std::string_view tag, const std::shared_ptr<ResultArena>& arena) {
    std::shared_ptr<const ResultStorage> storage;
    if (bytes_ <= most_copied) {
        const std::size_t room = CopiedRows::room(rows_.size(), bytes_, tag);
        if (arena) {
            auto* const place = static_cast<char*>(arena->allocate(sizeof(CopiedRows) + room));
            arena->keep(columns_);
            storage = {arena, ::new (place) CopiedRows(*columns_, rows_, tag, place + sizeof(CopiedRows))};
        } else {
            storage = std::allocate_shared<const OwnCopiedRows>(WithRoom<OwnCopiedRows>(room), columns_, rows_, tag);
        }
        rows_.clear();
        chunks_.clear();
    } else {
        storage =
            std::make_shared<const ReceivedRows>(columns_, std::exchange(rows_, {}), std::exchange(chunks_, {}), tag);
    }
    bytes_ = 0;
    return Result(std::move(storage));
}

}  // namespace pg::libpq::direct
