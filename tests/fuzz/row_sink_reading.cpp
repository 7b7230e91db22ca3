// Rows that are given to sinks, from memory of their exact size.
#include "tests/fuzz/row_sink_reading.hpp"

#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "pg/executor.hpp"
#include "providers/libpq/direct_result.hpp"

namespace pg::libpq::direct {
namespace {

using Values = std::vector<std::optional<std::string>>;

std::optional<std::string> text_of(const Cell& cell) {
    return cell.is_null() ? std::nullopt : std::optional(std::string(cell.bytes()));
}

/// The values of a row, read from the last column to the first, in order, or one by one.
enum class Order : std::uint8_t { backwards, forwards, alone };

Values values_of(const ResultStorage& rows, Order order) {
    const std::size_t count = rows.columns().size();
    Values values(count);
    if (order == Order::alone) {
        for (std::size_t column = 0; column < count; ++column) values[column] = text_of(rows.cell(0, column));
        return values;
    }
    std::vector<std::uint16_t> numbers(count);
    for (std::size_t i = 0; i < count; ++i)
        numbers[i] = static_cast<std::uint16_t>(order == Order::backwards ? count - 1 - i : i);
    std::vector<Cell> cells(count);
    rows.read(0, numbers, cells.data());
    for (std::size_t i = 0; i < count; ++i) values[numbers[i]] = text_of(cells[i]);
    return values;
}

class CellSink final : public RowSink {
public:
    explicit CellSink(Order order) : order_(order) {}
    Values values{};

private:
    Expected<void> do_begin(const ResultStorage&) override { return {}; }
    bool do_take_received(const char*, const ResultStorage&) override { return false; }
    std::size_t do_take(const ResultStorage& rows, std::size_t) override {
        values = values_of(rows, order_);
        return 1;
    }

    Order order_;
};

std::shared_ptr<const ResultStorage> columns_of(std::size_t count) {
    const std::vector<wire::FieldDescription> fields(count, {.name = "n", .type = 25, .type_size = -1, .format = 1});
    wire::SendBuffer out;
    wire::put_row_description(out, fields);
    return make_columns(out.unsent().substr(wire::frame_header), nullptr, Format::binary);
}

/// As a struct of two columns has it.
std::string pair_differs(const std::shared_ptr<const ResultStorage>& columns, std::string_view body, bool is_whole,
                         const Values& values) {
    using Pair = std::tuple<std::optional<std::string>, std::optional<std::string>>;
    RowCollector collector;
    detail::AllRows<Pair> sink(Extra::refuse);
    if (collector.begin(columns, &sink) == nullptr) return "a row type does not take its columns";
    if (collector.give(sink, body) != is_whole) return "a row is whole for a row type or not";
    if (!is_whole) return {};
    const auto rows = sink.answer("");
    return rows && *rows == std::vector<Pair>{{values[0], values[1]}} ? "" : "a row type has other values";
}

}  // namespace

std::string row_sink_reading_goes_wrong(std::string_view input) {
    if (input.empty()) return {};
    const auto columns = columns_of(static_cast<unsigned char>(input.front()) % 8);
    // A body has its length in front of it.
    const std::size_t size = input.size() - 1 + sizeof(std::uint32_t);
    const std::unique_ptr<char[]> message(new char[size]);
    wire::store(message.get(), static_cast<std::uint32_t>(size));
    input.substr(1).copy(message.get() + sizeof(std::uint32_t), input.size() - 1);
    const std::string_view body(message.get() + sizeof(std::uint32_t), input.size() - 1);

    RowCollector collector;
    collector.begin(columns);
    const bool is_whole = collector.add(body, {});
    const Result result = collector.take();
    const Values values = is_whole ? values_of(*result.storage(), Order::forwards) : Values();
    for (const Order order : {Order::backwards, Order::forwards, Order::alone}) {
        if (is_whole && values_of(*result.storage(), order) != values) return "a result has other values in this order";
        CellSink sink(order);
        if (collector.begin(columns, &sink) == nullptr) return "a sink was not begun";
        const bool reads_all = order != Order::alone || !columns->columns().empty();
        if (collector.give(sink, body) != is_whole && reads_all) return "a row is whole for a sink or not";
        if (is_whole && sink.values != values) return "a sink has other values";
    }
    return columns->columns().size() == 2 ? pair_differs(columns, body, is_whole, values) : std::string();
}

}  // namespace pg::libpq::direct
