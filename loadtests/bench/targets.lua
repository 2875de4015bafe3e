-- wrk's script: asks for a thousand things by turns, where PATH (after `--`) has `{id}`.
-- Requests are made before the load, so that wrk's core is not busy with making them.

local REQUESTS = 1000
local requests = {}
local turn = 0

function init(arguments)
    for id = 1, REQUESTS do
        requests[id] = wrk.format(nil, (arguments[1]:gsub("{id}", tostring(id))))
    end
end

function request()
    turn = turn % REQUESTS + 1
    return requests[turn]
end
