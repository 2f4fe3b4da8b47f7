// SPDX-License-Identifier: GPL-2.0-or-later
// Front ends that send nonsense, or leave in the middle of a message, lose their connection or get a refusal. No other
// port notices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>

#include "vhost_lab.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;
using Answer = VhostMessage::Answer;
using Messages = std::vector<VhostMessage>;

class VhostHostileMessages : public VhostHostileTest {
 protected:
  [[nodiscard]] std::size_t daemon_fds() const {
    const std::filesystem::directory_iterator open("/proc/" + std::to_string(lab->daemon.pid()) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(open), end(open)));
  }
  /// Expects that descriptors which came with messages are closed in the end. (An early count may include clients of
  /// the control socket.)
  void expect_no_more_fds_than(std::size_t count) const {
    EXPECT_TRUE(eventually([&] { return daemon_fds() <= count; })) << daemon_fds() << " and not " << count;
  }
  /// Expects that the switch either answers another request, or has ended the connection and gives a reason.
  static void expect_answer_or_end(const FrontEnd& bad, const std::string& port) {
    bad.send_message({.request = vhost::kGetFeatures});
    if (!bad.receive_reply()) expect_ended(bad, port);
  }
};

// Negotiations with one error each.

template <class Number>
void set_number(VhostMessage& message, std::size_t at, Number number) {
  const Octets octets = packed(number);
  std::copy(octets.begin(), octets.end(), message.payload.begin() + static_cast<std::ptrdiff_t>(at));
}
template <class Number>
void add_number(VhostMessage& message, std::size_t at, Number number) {
  Number old{};
  std::memcpy(&old, message.payload.data() + at, sizeof old);
  set_number(message, at, static_cast<Number>(old + number));
}

VhostMessage& first(Messages& messages, std::uint32_t request) {
  const auto found = std::find_if(messages.begin(), messages.end(),
                                  [request](const VhostMessage& message) { return message.request == request; });
  if (found == messages.end()) throw std::logic_error("no such request in a negotiation");
  return *found;
}

enum class Verdict : std::uint8_t { kRefused, kAny };

struct Tampering {
  const char* name;
  Verdict verdict;
  std::function<void(Messages&)> tamper;
};

/// Sets or increases one number of the first message of a kind.
template <class Number>
auto set(std::uint32_t request, std::size_t at, Number number) {
  return [=](Messages& messages) { set_number(first(messages, request), at, number); };
}
template <class Number>
auto increase(std::uint32_t request, std::size_t at, Number number) {
  return [=](Messages& messages) { add_number(first(messages, request), at, number); };
}

// The offsets of numbers in a payload.
constexpr std::size_t kIndex = 0, kNumber = 4;                       // in a ring's state
constexpr std::size_t kTable = 8, kUsed = 16, kAvail = 24;           // in a ring's addresses
constexpr std::size_t kRegionCount = 0, kGuest = 8, kSize = 16;      // in the first region
constexpr std::size_t kUser = 24, kOffset = 32, kSecondRegion = 32;  // kSecondRegion: distance to the second region

std::vector<Tampering> ring_tamperings() {
  using vhost::kSetVringAddr;
  using vhost::kSetVringNum;
  const std::uint32_t far_index = 1000, all_ones = 0xffffffff;
  const std::uint64_t one = 1, page = 4096;
  const std::uint64_t end_of_memory = 0x560000000000 + GuestMemory::kRegionSize;
  return {
      {"ring size 0", Verdict::kRefused, set(kSetVringNum, kNumber, std::uint32_t{0})},
      {"ring size 3", Verdict::kRefused, set(kSetVringNum, kNumber, std::uint32_t{3})},
      {"ring size 255", Verdict::kRefused, set(kSetVringNum, kNumber, std::uint32_t{255})},
      {"ring size 65536", Verdict::kRefused, set(kSetVringNum, kNumber, std::uint32_t{65536})},
      {"ring size 2^31", Verdict::kRefused, set(kSetVringNum, kNumber, std::uint32_t{0x80000000})},
      {"size of a far ring", Verdict::kRefused, set(kSetVringNum, kIndex, far_index)},
      {"size of the last ring of all", Verdict::kRefused, set(kSetVringNum, kIndex, all_ones)},
      {"base of a far ring", Verdict::kRefused, set(vhost::kSetVringBase, kIndex, far_index)},
      {"base of more than 16 bits", Verdict::kAny, set(vhost::kSetVringBase, kNumber, std::uint32_t{70000})},
      {"addresses of a far ring", Verdict::kRefused, set(kSetVringAddr, kIndex, far_index)},
      {"kick of a far ring", Verdict::kRefused, set(vhost::kSetVringKick, 0, std::uint64_t{200})},
      {"call of a far ring", Verdict::kRefused, set(vhost::kSetVringCall, 0, std::uint64_t{200})},
      {"kick with flags", Verdict::kAny, set(vhost::kSetVringKick, 0, std::uint64_t{0xffffffffffff0000})},
      {"enables a far ring", Verdict::kRefused, set(vhost::kSetVringEnable, kIndex, far_index)},
      {"enables by another number", Verdict::kAny, set(vhost::kSetVringEnable, kNumber, all_ones)},
      {"table outside memory", Verdict::kRefused, set(kSetVringAddr, kTable, page)},
      {"used ring outside memory", Verdict::kRefused, set(kSetVringAddr, kUsed, page)},
      {"avail ring outside memory", Verdict::kRefused, set(kSetVringAddr, kAvail, page)},
      {"table beyond memory", Verdict::kRefused, set(kSetVringAddr, kTable, end_of_memory - 16)},
      {"used ring beyond memory", Verdict::kRefused, set(kSetVringAddr, kUsed, end_of_memory - 16)},
      {"avail ring beyond memory", Verdict::kRefused, set(kSetVringAddr, kAvail, end_of_memory - 16)},
      {"table around the end", Verdict::kRefused, set(kSetVringAddr, kTable, ~std::uint64_t{15})},
      {"table misaligned", Verdict::kRefused, increase(kSetVringAddr, kTable, one)},
      {"used ring misaligned", Verdict::kRefused, increase(kSetVringAddr, kUsed, one)},
      {"avail ring misaligned", Verdict::kRefused, increase(kSetVringAddr, kAvail, one)},
      {"kick before memory", Verdict::kAny,
       [](Messages& messages) {
         const VhostMessage kick = first(messages, vhost::kSetVringKick);
         const VhostMessage enable = first(messages, vhost::kSetVringEnable);
         const auto memory = messages.begin() + (&first(messages, vhost::kSetMemTable) - messages.data());
         messages.insert(memory, {kick, enable});
       }},
      {"no memory at all", Verdict::kAny,
       [](Messages& messages) {
         messages.erase(messages.begin() + (&first(messages, vhost::kSetMemTable) - messages.data()));
       }},
      {"features that nobody offered", Verdict::kRefused, set(vhost::kSetFeatures, 0, ~std::uint64_t{0})},
      {"protocol features that nobody offered", Verdict::kAny, set(vhost::kSetProtocolFeatures, 0, ~std::uint64_t{0})},
  };
}

std::vector<Tampering> memory_tamperings() {
  using vhost::kSetMemTable;
  const std::uint64_t huge = std::uint64_t{1} << 62, page = 4096;
  const auto with_file = [](const std::shared_ptr<UniqueFd>& file) {
    return [file](Messages& messages) { first(messages, kSetMemTable).fds.at(0) = file->get(); };
  };
  const auto open_file = [](const char* path, int flags) {
    return std::make_shared<UniqueFd>(::open(path, flags | O_CLOEXEC));
  };
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const auto read_end = std::make_shared<UniqueFd>(ends[0]), write_end = std::make_shared<UniqueFd>(ends[1]);
  return {
      {"more than the file has", Verdict::kRefused, set(kSetMemTable, kSize, 2 * GuestMemory::kRegionSize)},
      {"much more than the file has", Verdict::kRefused, set(kSetMemTable, kSize, huge)},
      {"behind the file", Verdict::kRefused, set(kSetMemTable, kOffset, 2 * GuestMemory::kRegionSize)},
      {"an offset around the end", Verdict::kRefused, set(kSetMemTable, kOffset, ~page + 1)},
      {"a guest address around the end", Verdict::kRefused, set(kSetMemTable, kGuest, ~page + 1)},
      {"a user address around the end", Verdict::kRefused, set(kSetMemTable, kUser, ~page + 1)},
      {"no size", Verdict::kRefused, set(kSetMemTable, kSize, std::uint64_t{0})},
      {"overlapping guest addresses", Verdict::kRefused,
       set(kSetMemTable, kGuest + kSecondRegion, GuestMemory::kGuestAddresses[0] + page)},
      {"the same guest address", Verdict::kRefused,
       set(kSetMemTable, kGuest + kSecondRegion, GuestMemory::kGuestAddresses[0])},
      {"overlapping user addresses", Verdict::kAny,
       set(kSetMemTable, kUser + kSecondRegion, std::uint64_t{0x560000000000} + page)},
      {"no regions", Verdict::kRefused, set(kSetMemTable, kRegionCount, std::uint32_t{0})},
      {"fewer regions than said", Verdict::kRefused, set(kSetMemTable, kRegionCount, std::uint32_t{3})},
      {"too many regions", Verdict::kRefused, set(kSetMemTable, kRegionCount, std::uint32_t{0x10000000})},
      {"fewer descriptors than regions", Verdict::kRefused,
       [](Messages& messages) { first(messages, kSetMemTable).fds.pop_back(); }},
      {"more descriptors than regions", Verdict::kAny,
       [](Messages& messages) {
         std::vector<int>& fds = first(messages, kSetMemTable).fds;
         fds.insert(fds.end(), 6, fds[0]);
       }},
      {"hundreds of regions", Verdict::kRefused,
       [](Messages& messages) {
         VhostMessage& table = first(messages, kSetMemTable);
         const Octets region(table.payload.begin() + 8, table.payload.begin() + 40);
         for (std::uint64_t i = 2; i < 200; ++i) {
           const std::size_t at = table.payload.size();
           table.payload.insert(table.payload.end(), region.begin(), region.end());
           set_number(table, at, std::uint64_t{0x100000000} * i);
           table.fds.push_back(table.fds[0]);
         }
         set_number(table, kRegionCount, std::uint32_t{200});
       }},
      {"a directory", Verdict::kRefused, with_file(open_file("/", O_RDONLY))},
      {"the null device", Verdict::kRefused, with_file(open_file("/dev/null", O_RDWR))},
      {"the zero device", Verdict::kRefused, with_file(open_file("/dev/zero", O_RDWR))},
      {"a file that cannot be written", Verdict::kRefused, with_file(open_file("/proc/self/exe", O_RDONLY))},
      {"one end of a pipe", Verdict::kRefused, with_file(read_end)},
      {"the other end of a pipe", Verdict::kRefused, with_file(write_end)},
  };
}

class VhostTamperings : public VhostHostileMessages {
 protected:
  /// True if the switch has refused the messages, or has closed the connection and gives a reason.
  static bool is_refused(const FrontEnd& bad, const Messages& messages, const std::string& port) {
    for (const VhostMessage& message : messages) {
      bad.send_message(message);
      if (message.answer == Answer::kNone) continue;
      const std::optional<VhostReply> reply = bad.receive_reply();
      if (!reply) {
        expect_ended(bad, port);
        return true;
      }
      if (message.answer == Answer::kAcknowledgement && reply->number() != 0) return true;
    }
    return false;
  }
  void run(const std::vector<Tampering>& tamperings) {
    for (const Tampering& tampering : tamperings) {
      SCOPED_TRACE(tampering.name);
      add_port("bad");
      FrontEnd bad;
      bad.connect(path("bad"));
      Messages messages = bad.negotiation();
      tampering.tamper(messages);
      const bool refused = is_refused(bad, messages, "bad");
      EXPECT_TRUE(refused || tampering.verdict == Verdict::kAny);
      for (Ring* ring : {&bad.rx(), &bad.tx()}) ring->kick();
      expect_good_traffic();
      EXPECT_TRUE(daemon_lives());
      Lab::ok("rbctl delif br0 bad");
    }
  }
};

TEST_F(VhostTamperings, OfRingsAreRefused) {
  run(ring_tamperings());
}
TEST_F(VhostTamperings, OfMemoryAreRefused) {
  run(memory_tamperings());
}

TEST_F(VhostTamperings, OfWhatWakesHarmNobody) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd read_end(ends[0]), write_end(ends[1]);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd socket(ends[0]), other_socket(ends[1]);
  const UniqueFd regular(::memfd_create("regular", MFD_CLOEXEC)), zero(::open("/dev/zero", O_RDWR | O_CLOEXEC)),
      directory(::open("/", O_RDONLY | O_CLOEXEC)), blocking(::eventfd(0, EFD_CLOEXEC)),
      semaphore(::eventfd(1000000, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
  std::vector<Tampering> tamperings;
  for (const std::uint32_t request : {vhost::kSetVringKick, vhost::kSetVringCall, vhost::kSetVringErr}) {
    for (const UniqueFd* fd : {&read_end, &write_end, &socket, &regular, &zero, &directory, &blocking, &semaphore}) {
      tamperings.push_back({"another kind of descriptor", Verdict::kAny,
                            [request, fd](Messages& messages) { first(messages, request).fds = {fd->get()}; }});
    }
    // The message has no descriptor, which differs from the flag for "no descriptor"; and then two descriptors.
    tamperings.push_back({"nothing", Verdict::kAny, [request](Messages& messages) {
                            VhostMessage& message = first(messages, request);
                            message.fds.clear();
                            set_number(message, 0, std::uint64_t{0});
                          }});
    tamperings.push_back({"two", Verdict::kAny, [&, request](Messages& messages) {
                            first(messages, request).fds = {read_end.get(), socket.get()};
                          }});
  }
  run(tamperings);
}

TEST_F(VhostHostileMessages, MemoryThatIsNotSharedIsExplained) {
  add_port("bad");
  FrontEnd bad({.protocol_features = 0});
  bad.connect(path("bad"));
  for (VhostMessage message : bad.negotiation()) {
    if (message.request == vhost::kSetMemTable) message.fds.clear();
    bad.send_message(message);
    if (message.answer == Answer::kReply) {
      EXPECT_TRUE(bad.receive_reply().has_value());
    }
  }
  expect_ended(bad, "bad");
  EXPECT_THAT(trouble("bad"), HasSubstr("share=on"));
}

// Octets that are no messages.

struct Words {
  std::string name;
  Octets octets;
  bool ends = false;  // the connection must end
  std::size_t fd_count = 0;
};

std::vector<Words> bad_words() {
  using vhost::kVersion;
  const std::uint32_t nothing = 0, eight = 8;
  const std::uint64_t number = 0;
  std::vector<Words> words;
  for (const std::uint32_t version : {0U, 2U, 3U})
    words.push_back({"version " + std::to_string(version), packed(vhost::kGetFeatures, version, nothing), true});
  for (const std::uint32_t request : {0U, 27U, 99U, 0xffffffffU}) {
    words.push_back({"request " + std::to_string(request), packed(request, kVersion, nothing)});
    words.push_back({"request with a payload " + std::to_string(request), packed(request, kVersion, eight, number)});
  }
  words.push_back({"a reply", packed(vhost::kGetFeatures, kVersion | vhost::kReply, eight, number)});
  for (const std::uint32_t request :
       {vhost::kSetFeatures, vhost::kSetMemTable, vhost::kSetLogBase, vhost::kSetVringNum, vhost::kSetVringAddr,
        vhost::kSetVringBase, vhost::kGetVringBase, vhost::kSetVringKick, vhost::kSetVringCall,
        vhost::kSetProtocolFeatures, vhost::kSetVringEnable, vhost::kSendRarp, vhost::kNetSetMtu, vhost::kAddMemReg,
        vhost::kRemMemReg, vhost::kSetStatus}) {
    const std::string name = " payload of request " + std::to_string(request);
    words.push_back({"no" + name, packed(request, kVersion, nothing), true});
    words.push_back({"a short" + name, packed(request, kVersion, std::uint32_t{4}, nothing), true});
    Octets lengthy = packed(request, kVersion, std::uint32_t{4000});
    lengthy.resize(lengthy.size() + 4000);
    words.push_back({"a long" + name, lengthy});
    lengthy = packed(request, kVersion, std::uint32_t{0xffffffff});
    lengthy.resize(lengthy.size() + 100);
    words.push_back({"4 GiB of" + name, lengthy, true});
  }
  words.push_back({"256 MiB", packed(vhost::kGetFeatures, kVersion, std::uint32_t{1} << 28), true});
  for (const std::size_t count : {1U, 7U, 8U, 9U, 60U}) {
    const std::string name = " descriptors with ";
    words.push_back(
        {std::to_string(count) + name + "a question", packed(vhost::kGetFeatures, kVersion, nothing), false, count});
    words.push_back({std::to_string(count) + name + "an MTU",
                     packed(vhost::kNetSetMtu, kVersion, eight, std::uint64_t{1500}), false, count});
  }
  return words;
}

TEST_F(VhostHostileMessages, WordsWithoutSenseEndAtMostTheirOwnConnection) {
  const UniqueFd file(::memfd_create("file", MFD_CLOEXEC));
  const std::size_t fds_before = daemon_fds();
  for (const Words& words : bad_words()) {
    SCOPED_TRACE(words.name);
    {
      const auto bad = add("bad");
      bad->send_octets(words.octets, std::vector<int>(words.fd_count, file.get()));
      if (words.ends) {
        expect_ended(*bad, "bad");
      } else {
        expect_answer_or_end(*bad, "bad");
      }
    }
    EXPECT_TRUE(daemon_lives());
    Lab::ok("rbctl delif br0 bad");
  }
  expect_good_traffic();
  expect_no_more_fds_than(fds_before);
}

TEST_F(VhostHostileMessages, WhoStopsInTheMiddleOfAWordHoldsNobodyUp) {
  const auto bad = add("bad");
  const Octets question = VhostMessage{.request = vhost::kNetSetMtu, .payload = packed(std::uint64_t{1400})}.octets();
  for (const std::uint8_t octet : question) {
    bad->send_octets({octet});
    expect_good_traffic();
    EXPECT_EQ(Lab::port("bad")["state"], "forwarding");
  }
  EXPECT_TRUE(eventually([] { return Lab::port("bad")["mtu"] == 1400; }));
}

TEST_F(VhostHostileMessages, AFrontEndMayLeaveAtAnyMoment) {
  constexpr std::size_t kPorts = 16;  // enough ports that no port has to pause between two bad front ends
  for (std::size_t i = 0; i < kPorts; ++i) add_port("bad" + std::to_string(i));
  const std::size_t fds_before = daemon_fds();
  FrontEnd bad;
  const std::size_t count = bad.negotiation().size();
  std::size_t connections = 0;
  for (std::size_t stop = 0; stop <= count; ++stop) {
    // Part 0 stops between two messages. Other parts stop at different places within the last message.
    for (const unsigned part : {0U, 1U, 2U, 3U}) {
      const std::string port = "bad" + std::to_string(connections++ % kPorts);
      SCOPED_TRACE("message " + std::to_string(stop) + ", part " + std::to_string(part));
      bad.connect(path(port));
      const Messages messages = bad.negotiation();
      for (std::size_t i = 0; i < std::min(stop, count); ++i) {
        bad.send_message(messages[i]);
        if (messages[i].answer != Answer::kNone) {
          ASSERT_TRUE(bad.receive_reply().has_value()) << "message " << i;
        }
      }
      if (part != 0 && stop < count) {
        const Octets last = messages[stop].octets();
        const std::size_t sizes[] = {0, 1, 12, last.size() - 1};
        const auto size = static_cast<std::ptrdiff_t>(std::min(sizes[part], last.size() - 1));
        bad.send_octets(Octets(last.begin(), last.begin() + size), messages[stop].fds);
      }
      bad.disconnect();
    }
  }
  EXPECT_TRUE(daemon_lives());
  expect_no_more_fds_than(fds_before);
  for (std::size_t i = 0; i < kPorts; ++i) {
    FrontEnd good;
    start(good, "bad" + std::to_string(i));
    EXPECT_TRUE(good.send(kForAll));
    EXPECT_TRUE(two->sees(kForAll));
  }
}

TEST_F(VhostHostileMessages, PortsThatCannotBeAreExplained) {
  Lab::ok("touch " + path("file"));
  const std::string before = Lab::ok("rbctl dump");
  const auto refusal = [](const std::string& device) {
    const std::string said = Lab::port_refusal("vhost-user:" + device);
    EXPECT_FALSE(said.empty()) << device;
    return said;
  };
  EXPECT_THAT(refusal(path("good1") + ",name=other"), HasSubstr(path("good1")));
  EXPECT_THAT(refusal(path("file")), HasSubstr(path("file")));
  EXPECT_THAT(refusal("/nosuch/dir/vm.sock"), HasSubstr("/nosuch/dir"));
  EXPECT_THAT(refusal("/tmp/" + std::string(120, 'x') + ",name=x"), HasSubstr("107"));
  EXPECT_THAT(refusal("vm.sock,name=x"), HasSubstr("path"));
  EXPECT_THAT(refusal(path("x") + ",speed=1"), HasSubstr("speed"));
  EXPECT_THAT(refusal(path("x") + ",mode=9"), HasSubstr("octal"));
  EXPECT_THAT(refusal(path("x") + ",client,mode=600"), HasSubstr("mode"));
  EXPECT_THAT(refusal(path("x") + ",owner=nobody-of-that-name"), HasSubstr("nobody-of-that-name"));
  EXPECT_EQ(Lab::ok("rbctl dump"), before);
  EXPECT_NE(::access(path("x").c_str(), F_OK), 0);
  EXPECT_EQ(::access(path("file").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace rb::test
