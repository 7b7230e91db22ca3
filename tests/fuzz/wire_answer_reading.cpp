// Answers that are found in one step, and rows that are read in place, from memory of their exact size.
#include "tests/fuzz/wire_answer_reading.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "pg/row.hpp"
#include "src/wire/answer.hpp"
#include "src/wire/client_messages.hpp"
#include "src/wire/machine.hpp"

namespace pg::wire {
namespace {

/// A copy that ends where its memory does: AddressSanitizer sees who reads one byte more.
class Exact {
public:
    explicit Exact(std::string_view bytes) : bytes_(new char[bytes.size()]), size_(bytes.size()) {
        bytes.copy(bytes_.get(), size_);
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

using Values = std::vector<std::optional<std::string>>;

std::optional<std::string> text_of(const RowValue& value) {
    if (value.length < 0) return std::nullopt;
    return std::string(value.data, static_cast<std::size_t>(value.length));
}

/// The bytes of an answer, one frame after the other.
std::string frames_differ(std::string_view bytes, bool with_ready, const Answer& answer) {
    ChunkPool pool{4};
    FrameReader reader(pool);
    Machine machine;
    machine.sent_execution(with_ready);
    if (!machine.awaits_execution(with_ready)) return "an execution that was sent is not awaited";
    std::vector<Event> expected{Event::progress};
    if (answer.has_row()) expected.push_back(Event::row);
    expected.push_back(Event::complete);
    if (with_ready) expected.push_back(Event::ready);

    for (std::string_view left = bytes; !left.empty();) {
        const std::span<char> room = reader.room();
        const std::size_t count = std::min(left.size(), room.size());
        left.copy(room.data(), count);
        left.remove_prefix(count);
        reader.received(count);
    }
    std::size_t rows = 0;
    Frame frame;
    for (const Event event : expected) {
        if (event == Event::row) {
            std::string_view row;
            reader.rows([&](std::string_view body) { return row = body, ++rows, false; });
            if (rows != 1 || row != answer.row) return "the row of an answer is another than its frame's";
            continue;
        }
        if (reader.next(frame) != FrameReader::Cut::frame) return "an answer is no frames";
        if (machine.accept(frame) != event) return "the frames of an answer are others";
        if (event == Event::complete && read_tag(frame.body) != answer.tag) return "the tag of an answer is another";
    }
    if (reader.held() != 0) return "an answer is longer than its frames";
    if (with_ready && (!machine.idle() || machine.transaction() != answer.state)) return "an answer ends otherwise";

    Machine in_one_step;
    in_one_step.sent_execution(with_ready);
    with_ready ? in_one_step.answered_execution(answer.state) : in_one_step.answered_execution();
    return in_one_step.idle() && in_one_step.transaction() == machine.transaction() ? "" : "(M2) in one step";
}

std::string answer_differs(std::string_view held, bool with_ready) {
    Answer answer;
    const std::size_t size = find_answer(held, with_ready, answer);
    if (size > held.size()) return "an answer is longer than what has arrived";
    if (size == 0) return {};
    for (std::size_t part = 0; part < size; ++part) {  // what has not arrived whole is not found
        const Exact beginning(held.substr(0, part));
        Answer none;
        if (find_answer(beginning.view(), with_ready, none) != 0) return "half an answer was found";
    }
    return frames_differ(held.substr(0, size), with_ready, answer);
}

/// From the last value to the first; nothing when the row is not whole.
std::optional<Values> values_backwards(std::string_view body, std::size_t columns) {
    RowValues values(body, columns);
    Values read(columns);
    for (std::size_t column = columns; column-- != 0;) {
        values.go_to(column);
        read[column] = text_of(values.take());
    }
    values.go_to(columns);
    return values.are_whole() ? std::optional(std::move(read)) : std::nullopt;
}

std::optional<Values> values_in_order(std::string_view body, std::size_t columns) {
    RowValues values(body, columns);
    Values read(columns);
    for (auto& value : read) value = text_of(values.take());
    return values.are_whole() ? std::optional(std::move(read)) : std::nullopt;
}

/// As row types read them: what is behind the length of the message.
std::optional<Values> values_received(std::string_view message, std::size_t columns) {
    detail::ReceivedValues values(message.data() + sizeof(std::uint32_t), columns);
    if (!values.are_there()) return std::nullopt;
    const WireType text{.oid = Oid{25}, .format = Format::binary};
    Values read(columns);
    for (auto& value : read)
        if (!values.take(text, value)) return std::nullopt;
    return values.are_over() ? std::optional(std::move(read)) : std::nullopt;
}

std::string row_differs(std::string_view body, std::size_t columns) {
    SendBuffer out;
    put_copy_data_header(out, body.size());
    const Exact alone(body);
    const Exact message(std::string(out.unsent().substr(1)).append(body));
    const bool is_whole = is_well_formed_row(alone.view(), columns);
    const auto in_order = values_in_order(alone.view(), columns);
    if (in_order.has_value() != is_whole) return "a row is whole or not";
    if (values_backwards(alone.view(), columns) != in_order) return "a row has other values from behind";
    if (values_received(message.view(), columns) != in_order) return "a row has other values for a row type";
    return {};
}

}  // namespace

std::string answer_reading_goes_wrong(std::string_view input) {
    constexpr unsigned char highest_bit = 0x80;
    if (input.empty()) return {};
    const auto first = static_cast<unsigned char>(input.front());
    const bool with_ready = first >= highest_bit;
    const std::size_t columns = first % highest_bit;
    const Exact held(input.substr(1));
    if (std::string wrong = answer_differs(held.view(), with_ready); !wrong.empty()) return wrong;
    Answer answer;
    const bool has_row = find_answer(held.view(), with_ready, answer) != 0 && answer.has_row();
    return row_differs(has_row ? answer.row : held.view(), columns);
}

}  // namespace pg::wire
