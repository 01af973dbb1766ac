// Plays a table of transfers on the tree of tests/it/simgrid.rs with SimGrid (S4U, model CM02, no
// cross-traffic, no latency), and prints the number of each row and when it had arrived (s).
//
// transfers TABLE NODES PER_SWITCH NODE_LINK UPLINK SERVER_LINK      rates in bit/s
#include <simgrid/s4u.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace sg4 = simgrid::s4u;

struct Row {
    double start;
    std::string from, to;
    double bytes;
};

static std::vector<Row> read(const char* file) {
    std::ifstream in(file);
    std::string line, start, from, to, bytes;
    std::vector<Row> rows;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::istringstream fields(line);
        std::getline(fields, start, ',');
        std::getline(fields, from, ',');
        std::getline(fields, to, ',');
        std::getline(fields, bytes, ',');
        rows.push_back({std::stod(start), from, to, std::stod(bytes)});
    }
    return rows;
}

int main(int argc, char** argv) {
    sg4::Engine engine(&argc, argv);
    for (const char* option : {"network/model:CM02", "network/crosstraffic:0",
                               "maxmin/precision:1e-12", "contexts/stack-size:64"})
        sg4::Engine::set_config(option);
    const auto rows = read(argv[1]);
    const int nodes = std::stoi(argv[2]), per_switch = std::stoi(argv[3]);
    const double node_link = std::stod(argv[4]) / 8, uplink = std::stod(argv[5]) / 8;
    const double server_link = std::stod(argv[6]) / 8;
    auto* zone = sg4::create_full_zone("cluster");
    std::map<std::string, sg4::Host*> hosts;
    std::map<std::string, int> at_switch;
    std::map<std::string, sg4::Link*> up, down;
    const auto link = [zone](const std::string& name, double rate) {
        return zone->create_link(name, rate)->set_latency(0)->seal();
    };
    const auto add = [&](const std::string& name, double rate, int number) {
        hosts[name] = zone->create_host(name, 1e9)->seal();
        up[name] = link(name + "-up", rate);
        down[name] = link(name + "-down", rate);
        at_switch[name] = number;
    };
    for (int node = 0; node < nodes; ++node)
        add("pi" + std::to_string(node + 1), node_link, node / per_switch);
    add("server", server_link, -1);
    std::vector<sg4::Link*> trunk_up, trunk_down;
    for (int number = 0; number * per_switch < nodes; ++number) {
        trunk_up.push_back(link("trunk-up-" + std::to_string(number), uplink));
        trunk_down.push_back(link("trunk-down-" + std::to_string(number), uplink));
    }
    std::set<std::pair<std::string, std::string>> known;
    for (const auto& row : rows) {
        if (!known.insert({row.from, row.to}).second)
            continue;
        std::vector<sg4::LinkInRoute> route{sg4::LinkInRoute(up[row.from])};
        const int from = at_switch[row.from], to = at_switch[row.to];
        if (from != to) {
            if (from >= 0)
                route.emplace_back(trunk_up[from]);
            if (to >= 0)
                route.emplace_back(trunk_down[to]);
        }
        route.emplace_back(down[row.to]);
        zone->add_route(hosts[row.from]->get_netpoint(), hosts[row.to]->get_netpoint(), nullptr,
                        nullptr, route, false);
    }
    zone->seal();
    std::vector<std::size_t> order(rows.size());
    for (std::size_t number = 0; number < rows.size(); ++number)
        order[number] = number;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return rows[a].start < rows[b].start;
    });
    std::vector<double> ends(rows.size());
    sg4::Actor::create("starter", hosts["server"], [&] {
        for (const std::size_t number : order) {
            sg4::this_actor::sleep_until(rows[number].start);
            sg4::Actor::create("transfer", hosts["server"], [&, number] {
                const auto& row = rows[number];
                sg4::Comm::sendto(hosts[row.from], hosts[row.to], row.bytes);
                ends[number] = sg4::Engine::get_clock();
            });
        }
    });
    engine.run();
    for (std::size_t number = 0; number < rows.size(); ++number)
        std::printf("%zu %.9f\n", number + 1, ends[number]);
}
