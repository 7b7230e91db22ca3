// Reading rows in place, and keeping the bytes that they are in.
#include "providers/libpq/direct_result.hpp"

#include <cstring>

#include "pg/column_matches.hpp"
#include "src/wire/server_messages.hpp"

namespace pg::libpq::direct {
namespace {

/// Rows that have no more bytes than this together are copied: a chunk is too much to hold on to for them.
constexpr std::size_t most_copied = 4096;
/// The length of NULL.
constexpr std::uint32_t null_length = ~std::uint32_t{0};

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
    void describe() { matches_ = &described_; }
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
    detail::ColumnMatches described_;
};

/// The value at `at`, which is moved behind it. Its row was found well formed when it came.
Cell take_cell(const char*& at) noexcept {
    const auto length = wire::load<std::int32_t>(at);
    at += sizeof length;
    if (length < 0) return {};
    return {std::exchange(at, at + length), length};
}

/// How a row is read, wherever it lies.
class PackedRows : public ResultStorage {
protected:
    /// `first` may be set later; it points to the first value of each row.
    PackedRows(const ResultStorage& description, const char* const* first, std::size_t rows) : first_(first) {
        columns_ = description.columns();
        matches_ = description.matches();
        rows_ = rows;
        affected_ = rows;
    }

    const char* const* first_;

private:
    void do_read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept override {
        const char* at = first_[row];
        std::size_t next = 0;
        for (const std::uint16_t column : columns) {
            // Most often the columns are wanted in their order.
            if (column != next) [[unlikely]] {
                if (column < next) {
                    at = first_[row];
                    next = 0;
                }
                for (; next < column; ++next) static_cast<void>(take_cell(at));
            }
            *out++ = take_cell(at);
            ++next;
        }
    }
    Cell do_cell(std::size_t row, std::size_t column) const noexcept override {
        const char* at = first_[row];
        for (std::size_t i = 0; i < column; ++i) static_cast<void>(take_cell(at));
        return take_cell(at);
    }
};

/// Rows that are nobody's, for as long as they are looked at.
class ArrivingRows final : public PackedRows {
public:
    ArrivingRows(const ResultStorage& description, std::span<const char* const> rows)
        : PackedRows(description, rows.data(), rows.size()) {}
};

/// What the two forms of result share.
class Rows : public PackedRows {
protected:
    Rows(std::shared_ptr<const ResultStorage> description, std::size_t rows, std::string_view tag)
        : PackedRows(*description, nullptr, rows), description_(std::move(description)), own_tag_(tag) {
        tag_ = own_tag_;
        if (!tag.empty()) affected_ = wire::rows_of_tag(tag);
    }

private:
    std::shared_ptr<const ResultStorage> description_;
    std::string own_tag_;
};

/// Rows in the chunks that they were received into.
class ReceivedRows final : public Rows {
public:
    ReceivedRows(std::shared_ptr<const ResultStorage> description, std::vector<const char*> rows,
                 std::vector<wire::ChunkRef> chunks, std::string_view tag)
        : Rows(std::move(description), rows.size(), tag), pointers_(std::move(rows)), chunks_(std::move(chunks)) {
        first_ = pointers_.data();
    }

private:
    std::vector<const char*> pointers_;
    std::vector<wire::ChunkRef> chunks_;
};

/// Rows behind the object itself, in its own allocation: first the pointers, then the bytes.
class CopiedRows final : public Rows {
public:
    CopiedRows(std::shared_ptr<const ResultStorage> description, const std::vector<const char*>& rows,
               std::string_view tag)
        : Rows(std::move(description), rows.size(), tag) {
        auto** const pointers = reinterpret_cast<const char**>(this + 1);
        first_ = pointers;
        auto* to = reinterpret_cast<char*>(pointers + rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::size_t size = wire::load<std::uint32_t>(rows[i] - row_header) - 6;
            std::memcpy(to, rows[i], size);
            pointers[i] = std::exchange(to, to + size);
        }
    }

    /// Before the values of a row in its frame: the frame's length, which counts itself, and their number.
    static constexpr std::size_t row_header = sizeof(std::uint32_t) + sizeof(std::uint16_t);
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
    static const std::shared_ptr<const ResultStorage> none = std::make_shared<const Columns>(0, 0, nullptr);
    return none;
}

bool RowCollector::pass(std::string_view body) {
    const char* at = body.data();
    if (body.size() < sizeof(std::uint16_t) || wire::load<std::uint16_t>(at) != width_) return false;
    at += sizeof(std::uint16_t);
    const char* const values = at;
    std::size_t left = body.size() - sizeof(std::uint16_t);
    for (std::size_t i = width_; i != 0; --i) {
        if (left < sizeof(std::int32_t)) return false;
        const auto length = wire::load<std::uint32_t>(at);
        at += sizeof length;
        left -= sizeof length;
        if (length <= left) {
            at += length;
            left -= length;
        } else if (length != null_length) {
            return false;
        }
    }
    if (left != 0) return false;
    rows_.push_back(values);
    bytes_ += body.size();
    return true;
}

void RowCollector::give(RowSink& sink) {
    sink.take(ArrivingRows(*columns_, rows_));
    rows_.clear();
    chunks_.clear();
    bytes_ = 0;
}

Result RowCollector::take(std::string_view tag) {
    std::shared_ptr<const ResultStorage> storage;
    if (bytes_ <= most_copied) {
        const WithRoom<CopiedRows> allocator(rows_.size() * sizeof(const char*) + bytes_);
        storage = std::allocate_shared<const CopiedRows>(allocator, columns_, rows_, tag);
        rows_.clear();
        chunks_.clear();
    } else {
        storage =
            std::make_shared<const ReceivedRows>(columns_, std::exchange(rows_, {}), std::exchange(chunks_, {}), tag);
    }
    bytes_ = 0;
    return Result(std::move(storage));
}

void RowCollector::clear() noexcept {
    columns_.reset();
    rows_.clear();
    chunks_.clear();
    bytes_ = 0;
}

}  // namespace pg::libpq::direct
