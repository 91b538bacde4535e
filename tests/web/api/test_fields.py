from flower_ng.store import fields, parse_search


async def test_every_field_of_a_search_is_told_with_an_example_that_works(client):
    answer = await client.get("/api/search/fields")

    told = answer.json["fields"]
    assert [field["name"] for field in told] == [field.name for field in fields()]
    assert all(parse_search(field["example"]) for field in told)


async def test_a_field_says_what_it_takes(client):
    told = {
        field["name"]: field for field in (await client.get("/api/search/fields")).json["fields"]
    }

    assert told["id"]["aliases"] == ["uuid"]
    assert "FAILURE" in told["state"]["values"]
    assert told["name"]["forms"]["text*"] == "begins with it"
