"""English nouns for what pictures show, by kind, with their other names; data.

A line is a thing, its other names, and after `>` the things that it is a sort of. Names that are
more often verbs, first names or forms of address are left out.
"""

KINDS = {
    "animal": """
        animal creature critter
        dog puppy pup pooch doggo doggy hound golden_retriever labrador > animal
        cat kitten kitty feline > animal
        bird birdie > animal
        duck duckling mallard > bird animal
        goose gosling > bird animal
        swan cygnet > bird animal
        chicken hen rooster chick > bird animal
        pigeon dove > bird animal
        seagull gull > bird animal
        parrot macaw > bird animal
        owl owlet > bird animal
        eagle hawk falcon > bird animal
        penguin > bird animal
        peacock > bird animal
        flamingo > bird animal
        horse pony foal stallion mare > animal
        donkey mule > animal
        zebra > animal
        cow calf cattle bull ox > animal
        sheep lamb ram > animal
        goat kid_goat > animal
        pig piglet hog > animal
        rabbit bunny hare > animal
        squirrel chipmunk > animal
        hamster guinea_pig > animal
        fox > animal
        wolf > animal
        deer stag doe fawn reindeer > animal
        moose elk > animal
        polar_bear grizzly > animal
        panda > animal
        lion lioness > animal
        tiger > animal
        leopard cheetah jaguar > animal
        elephant > animal
        giraffe > animal
        hippo hippopotamus > animal
        rhino rhinoceros > animal
        monkey chimpanzee chimp gorilla ape > animal
        kangaroo wallaby > animal
        koala > animal
        camel llama alpaca > animal
        turtle tortoise > animal
        frog toad > animal
        snake > animal
        lizard gecko > animal
        crocodile alligator > animal
        fish goldfish > animal
        shark > animal
        whale > animal
        dolphin > animal
        sea_lion > animal
        butterfly > animal
        bee bumblebee > animal
        spider > animal
        teddy_bear
        """,
    "vehicle": """
        vehicle
        car automobile sedan convertible sportscar > vehicle
        taxi cab > car vehicle
        bus coach_bus double_decker > vehicle
        truck lorry pickup fire_truck > vehicle
        van minivan campervan > vehicle
        motorcycle motorbike > vehicle
        scooter moped > vehicle
        bicycle bike > vehicle
        tram streetcar trolley > vehicle
        locomotive steam_train > vehicle
        tractor > vehicle
        boat vessel > vehicle
        sailboat sailing_boat yacht > boat vehicle
        rowboat canoe kayak rowing_boat > boat vehicle
        ferry cruise_ship > boat vehicle
        airplane aeroplane plane jet airliner > vehicle
        helicopter chopper > vehicle
        balloon hot_air_balloon > vehicle
        rocket spaceship > vehicle
        """,
    "person": """
        person
        man gentleman guy > person
        woman lady > person
        boy > child person
        girl > child person
        child kid toddler > person
        baby infant newborn > child person
        bride > woman person
        groom > man person
        """,
    "plant": """
        plant
        flower > plant
        tulip > flower plant
        sunflower > flower plant
        orchid > flower plant
        dandelion > flower plant
        cactus succulent > plant
        mushroom toadstool
        """,
    "building": """
        building
        house cottage bungalow > building
        cabin hut > building
        castle palace fortress > building
        church chapel cathedral > building
        temple pagoda > building
        mosque > building
        skyscraper > building
        lighthouse > building
        windmill > building
        barn > building
        tent teepee
        """,
    "food": """
        food
        pizza > food
        burger hamburger cheeseburger > food
        sandwich > food
        hot_dog > food
        salad > food
        cake cupcake > food
        doughnut donut > food
        croissant > food
        pancake waffle > food
        cookie biscuit > food
        apple > food
        banana > food
        strawberry > food
        watermelon > food
        pineapple > food
        lemon > food
        carrot > food
        pumpkin > food
        ice_cream gelato > food
        """,
    "furniture": """
        chair armchair stool
        sofa couch
        bench
        table desk dining_table
        bathtub
        """,
    "instrument": """
        guitar ukulele
        piano
        violin fiddle
        trumpet
        saxophone
        """,
    "device": """
        laptop
        keyboard
        cell_phone smartphone
        camera
        television
        typewriter
        """,
    "gear": """
        kite
        umbrella parasol
        surfboard
        skateboard longboard
        snowboard
        frisbee
        tennis_racket
        backpack rucksack
        suitcase
        """,
}
