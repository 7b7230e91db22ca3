// Rows: the rows of a result decoded in place, one by one.
#pragma once

#include <cstddef>

#include "pg/row.hpp"

namespace pg {

/// The rows of a result as `T`, decoded while iterating. Borrows the result.
template <class T>
class Rows {
public:
    class Iterator {
    public:
        using value_type = T;
        using difference_type = std::ptrdiff_t;

        Iterator(Rows& rows, std::size_t at) : rows_(&rows), at_(at) {}
        /// Throws DecodeError.
        [[nodiscard]] T& operator*() const { return rows_->read(at_); }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

    private:
        Rows* rows_;
        std::size_t at_;
    };

    /// Throws ShapeError.
    explicit Rows(const Result& result) : size_(result.size()) { reader_.match(*result.storage()).value(); }
    [[nodiscard]] Iterator begin() & { return {*this, 0}; }  // not of one that it would outlive
    [[nodiscard]] Iterator end() & { return {*this, size_}; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    T& read(std::size_t row) {
        if (Fault fault = reader_.read(row, current_)) reader_.error(row, fault).raise();
        return current_;
    }

    detail::RowReader<T> reader_;
    std::size_t size_;
    T current_{};
};

/// Defined here, so that whoever does not iterate does not include it.
template <class... T>
auto Result::rows() const& {
    return Rows<detail::row_of_t<T...>>(*this);
}

}  // namespace pg
